/* zmqthr is the libzmq side of headgate's benchmark.
 *
 *   zmqthr pull SECONDS [SECRET]
 *       PULL on a free loopback port, which it prints; then counts for that
 *       long and prints the count and the nanoseconds it took
 *   zmqthr push ENDPOINT SIZES [KEY]
 *       sends messages of frames of these sizes, as in 26,430,480,0,329, until
 *       killed
 *   zmqthr sub ENDPOINT
 *       subscribes to everything and reads until killed
 *   zmqthr work ENDPOINT
 *       takes deliveries and replies done until killed
 *   zmqthr curve
 *       succeeds if this libzmq has CURVE
 *
 * SECRET makes a server of CURVE that admits any client, KEY a client of the
 * server with that public key; both in Z85. Sockets have libzmq's own defaults.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

enum {
	WARM = 1000,  /* messages before the clock starts: both queues are full then */
	STRIDE = 64,  /* messages between two looks at the clock */
	GATHER = 256, /* replies in one frame, at most */
	FRAMES = 16,
	FIELD = 512
};

static void die(const char *what) {
	fprintf(stderr, "zmqthr: %s: %s\n", what, zmq_strerror(zmq_errno()));
	exit(1);
}

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *open_socket(void *context, int type, const char *endpoint) {
	void *s = zmq_socket(context, type);
	if (!s || zmq_connect(s, endpoint))
		die(endpoint);
	return s;
}

static void set_key(void *s, int option, const char *key) {
	if (zmq_setsockopt(s, option, key, strlen(key) + 1))
		die("key");
}

/* server does nothing without a secret, and so does client without a key. */
static void server(void *s, const char *secret) {
	int yes = 1;
	if (!secret)
		return;
	if (zmq_setsockopt(s, ZMQ_CURVE_SERVER, &yes, sizeof yes))
		die("CURVE");
	set_key(s, ZMQ_CURVE_SECRETKEY, secret);
}

static void client(void *s, const char *key) {
	char own[41], secret[41];
	if (!key)
		return;
	if (zmq_curve_keypair(own, secret))
		die("CURVE");
	set_key(s, ZMQ_CURVE_SERVERKEY, key);
	set_key(s, ZMQ_CURVE_PUBLICKEY, own);
	set_key(s, ZMQ_CURVE_SECRETKEY, secret);
}

/* skip reads one whole message and leaves its frames. */
static int skip(void *s, zmq_msg_t *m, int flags) {
	do {
		if (zmq_msg_recv(m, s, flags) < 0)
			return -1;
		flags = 0;
	} while (zmq_msg_more(m));
	return 0;
}

static void pull(void *context, double seconds, const char *secret) {
	void *s = zmq_socket(context, ZMQ_PULL);
	char endpoint[128];
	size_t size = sizeof endpoint;
	if (!s)
		die("socket");
	server(s, secret);
	if (zmq_bind(s, "tcp://127.0.0.1:*") || zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &size))
		die("bind");
	printf("%s\n", endpoint);
	fflush(stdout);
	zmq_msg_t m;
	zmq_msg_init(&m);
	for (int i = 0; i < WARM; i++)
		if (skip(s, &m, 0))
			die("recv");
	long long count = 0, start = now(), spent, most = (long long)(seconds * 1e9);
	do {
		for (int i = 0; i < STRIDE; i++)
			if (skip(s, &m, 0))
				die("recv");
		count += STRIDE;
		spent = now() - start;
	} while (spent < most);
	printf("%lld %lld\n", count, spent);
	fflush(stdout);
}

/* push allocates each frame and does not fill it, as libzmq's remote_thr does. */
static void push(void *context, const char *endpoint, char *sizes, const char *key) {
	void *s = zmq_socket(context, ZMQ_PUSH);
	if (!s)
		die("socket");
	client(s, key);
	if (zmq_connect(s, endpoint))
		die(endpoint);
	size_t size[FRAMES];
	int n = 0;
	for (char *word = strtok(sizes, ","); word && n < FRAMES; word = strtok(NULL, ","))
		size[n++] = strtoul(word, NULL, 10);
	for (;;)
		for (int i = 0; i < n; i++) {
			zmq_msg_t m;
			if (zmq_msg_init_size(&m, size[i]))
				die("message");
			if (zmq_msg_send(&m, s, i < n - 1 ? ZMQ_SNDMORE : 0) < 0)
				die("send");
		}
}

static void sub(void *context, const char *endpoint) {
	void *s = open_socket(context, ZMQ_SUB, endpoint);
	if (zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0))
		die("subscribe");
	zmq_msg_t m;
	zmq_msg_init(&m);
	while (!skip(s, &m, 0))
		;
	die("recv");
}

/* field copies the text of a member of a header whose texts need no escapes. */
static void field(const char *header, const char *member, char *out) {
	const char *from = strstr(header, member);
	size_t n = 0;
	if (from) {
		from += strlen(member);
		n = strcspn(from, "\"");
	}
	if (n == 0 || n >= FIELD) {
		fprintf(stderr, "zmqthr: header without %s\n", member);
		exit(1);
	}
	memcpy(out, from, n);
	out[n] = 0;
}

/* take reads one delivery and keeps its header. */
static int take(void *s, char *header, size_t room, int flags) {
	int n = 0, at = 0;
	do {
		zmq_msg_t m;
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, s, flags) < 0)
			return -1;
		if (at++ == 1) {
			n = (int)zmq_msg_size(&m) < (int)room - 1 ? (int)zmq_msg_size(&m) : (int)room - 1;
			memcpy(header, zmq_msg_data(&m), n);
			header[n] = 0;
		}
		flags = zmq_msg_more(&m) ? 0 : -1;
		zmq_msg_close(&m);
	} while (flags == 0);
	return n;
}

/* work replies to all that waits in one frame. */
static void work(void *context, const char *endpoint) {
	void *in = open_socket(context, ZMQ_PULL, endpoint), *out = NULL;
	static char header[4096], frame[GATHER * (3 * FIELD + 64)];
	char id[FIELD], source[FIELD], lease[FIELD], reply[FIELD];
	while (take(in, header, sizeof header, 0) >= 0) {
		int n = 0, at = 0;
		do {
			field(header, "\"id\":\"", id);
			field(header, "\"source\":\"", source);
			field(header, "\"lease\":\"", lease);
			if (!out) {
				field(header, "\"reply\":\"", reply);
				out = open_socket(context, ZMQ_PUSH, reply);
			}
			at += sprintf(frame + at, "%c{\"id\":\"%s\",\"source\":\"%s\",\"lease\":\"%s\",\"status\":\"done\"}",
				n ? ',' : '[', id, source, lease);
		} while (++n < GATHER && take(in, header, sizeof header, ZMQ_DONTWAIT) >= 0);
		frame[at++] = ']';
		if (zmq_send(out, frame, at, 0) < 0)
			die("reply");
	}
	die("recv");
}

int main(int argc, char **argv) {
	void *context = zmq_ctx_new();
	if (!context)
		die("context");
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "pull"))
		pull(context, atof(argv[2]), argv[3]);
	else if ((argc == 4 || argc == 5) && !strcmp(argv[1], "push"))
		push(context, argv[2], argv[3], argv[4]);
	else if (argc == 3 && !strcmp(argv[1], "sub"))
		sub(context, argv[2]);
	else if (argc == 3 && !strcmp(argv[1], "work"))
		work(context, argv[2]);
	else if (argc == 2 && !strcmp(argv[1], "curve"))
		return !zmq_has("curve");
	else {
		fprintf(stderr, "usage: zmqthr pull SECONDS [SECRET] | push ENDPOINT SIZES [KEY] | sub ENDPOINT | work ENDPOINT | curve\n");
		return 2;
	}
	return 0;
}
