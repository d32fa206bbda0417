/* Sockets of libzmq, driven by lines as README.md says. */

#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
	PATIENCE = 5000, /* ms for one send, and for what is unsent at the end */
	CHUNK = 1 << 20, /* bytes of input read at a time */
	NAME = 64,       /* bytes of the longest name */
	ENDPOINT = 256,
	FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
		 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
	EVENTS = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | FAILED | ZMQ_EVENT_DISCONNECTED,
};

struct peer {
	char name[NAME];
	void *sock, *monitor;
	bool receives;
	struct peer *next;
};

static const struct {
	const char *name;
	int type;
	bool receives;
} types[] = {
	{"PUSH", ZMQ_PUSH, false},    {"PULL", ZMQ_PULL, true},	    {"PUB", ZMQ_PUB, false}, {"SUB", ZMQ_SUB, true},
	{"DEALER", ZMQ_DEALER, true}, {"ROUTER", ZMQ_ROUTER, true}, {"REQ", ZMQ_REQ, true},  {"REP", ZMQ_REP, true},
};

static void *context;
static struct peer *peers;

static void fail(const char *what)
{
	fprintf(stderr, "peer.c: %s: %s\n", what, zmq_strerror(zmq_errno()));
	exit(1);
}

static void must(int result, const char *what)
{
	if (result < 0)
		fail(what);
}

static void *allocated(void *p)
{
	if (!p)
		fail("memory");
	return p;
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* unhex writes what word means over word itself and returns its length. */
static size_t unhex(char *word)
{
	if (strcmp(word, "-") == 0)
		return 0;
	size_t n = strlen(word) / 2;
	for (size_t i = 0; i < n; i++)
		word[i] = (char)(digit(word[2 * i]) << 4 | digit(word[2 * i + 1]));
	return n;
}

static void print_frame(const uint8_t *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	putchar(' ');
	if (n == 0)
		putchar('-');
	for (size_t i = 0; i < n; i++) {
		putchar_unlocked(digits[data[i] >> 4]);
		putchar_unlocked(digits[data[i] & 15]);
	}
}

static void set_int(void *sock, int option, int value)
{
	must(zmq_setsockopt(sock, option, &value, sizeof value), "option");
}

static void set_text(void *sock, int option, const char *value)
{
	if (!value)
		fail("a key is missing");
	must(zmq_setsockopt(sock, option, value, strlen(value) + 1), "key");
}

static void set_hex(void *sock, int option, char *word)
{
	must(zmq_setsockopt(sock, option, word, unhex(word)), "option in hex");
}

static void configure(void *sock, const char *key, char *value)
{
	char *rest;
	if (strcmp(key, "subscribe") == 0) {
		set_hex(sock, ZMQ_SUBSCRIBE, value);
	} else if (strcmp(key, "heartbeat") == 0) {
		set_int(sock, ZMQ_HEARTBEAT_IVL, atoi(value));
		set_int(sock, ZMQ_HEARTBEAT_TIMEOUT, 4 * atoi(value));
	} else if (strcmp(key, "identity") == 0) {
		set_hex(sock, ZMQ_ROUTING_ID, value);
	} else if (strcmp(key, "server") == 0) {
		set_int(sock, ZMQ_CURVE_SERVER, 1);
		set_text(sock, ZMQ_CURVE_SECRETKEY, value);
	} else if (strcmp(key, "client") == 0) {
		set_text(sock, ZMQ_CURVE_PUBLICKEY, strtok_r(value, ",", &rest));
		set_text(sock, ZMQ_CURVE_SECRETKEY, strtok_r(NULL, ",", &rest));
		set_text(sock, ZMQ_CURVE_SERVERKEY, strtok_r(NULL, ",", &rest));
	} else {
		fail(key);
	}
}

static void watch(struct peer *p)
{
	char address[NAME + 16];
	snprintf(address, sizeof address, "inproc://%s", p->name);
	must(zmq_socket_monitor(p->sock, address, EVENTS), "monitor");
	p->monitor = allocated(zmq_socket(context, ZMQ_PAIR));
	set_int(p->monitor, ZMQ_LINGER, 0);
	must(zmq_connect(p->monitor, address), "monitor");
}

static void open_peer(const char *name, char **words)
{
	const char *type = strtok_r(NULL, " ", words), *how = strtok_r(NULL, " ", words);
	const char *endpoint = strtok_r(NULL, " ", words);
	struct peer *p = allocated(calloc(1, sizeof *p));
	snprintf(p->name, sizeof p->name, "%s", name);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (endpoint && strcmp(type, types[i].name) == 0) {
			p->sock = zmq_socket(context, types[i].type);
			p->receives = types[i].receives;
		}
	}
	if (!p->sock)
		fail("open");
	set_int(p->sock, ZMQ_LINGER, strcmp(type, "SUB") == 0 ? 0 : PATIENCE); /* its subscriptions can go */
	set_int(p->sock, ZMQ_SNDTIMEO, PATIENCE);
	set_int(p->sock, ZMQ_SNDHWM, 0); /* one thread serves all: none may wait for another's peer */
	for (char *key; (key = strtok_r(NULL, " ", words));) {
		char *value = strchr(key, '=');
		if (!value)
			fail(key);
		*value = 0;
		configure(p->sock, key, value + 1);
	}
	watch(p);
	must(strcmp(how, "bind") == 0 ? zmq_bind(p->sock, endpoint) : zmq_connect(p->sock, endpoint), endpoint);
	char bound[ENDPOINT];
	size_t size = sizeof bound;
	must(zmq_getsockopt(p->sock, ZMQ_LAST_ENDPOINT, bound, &size), "endpoint");
	printf("ready %s %s\n", p->name, bound);
	p->next = peers;
	peers = p;
}

static void close_peer(struct peer *p)
{
	for (struct peer **at = &peers; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			break;
		}
	}
	must(zmq_socket_monitor(p->sock, NULL, 0), "monitor");
	must(zmq_close(p->monitor), "close");
	must(zmq_close(p->sock), "close");
	free(p);
}

static void send_frames(struct peer *p, char **words)
{
	char *word = strtok_r(NULL, " ", words);
	while (word) {
		char *next = strtok_r(NULL, " ", words);
		must(zmq_send(p->sock, word, unhex(word), next ? ZMQ_SNDMORE : 0), "send");
		word = next;
	}
}

static void obey(char *line)
{
	char *words, *order = strtok_r(line, " ", &words), *name = strtok_r(NULL, " ", &words);
	if (!name)
		fail("order");
	if (strcmp(order, "open") == 0) {
		open_peer(name, &words);
		return;
	}
	struct peer *p = peers;
	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	if (!p)
		fail(name);
	if (strcmp(order, "send") == 0)
		send_frames(p, &words);
	else if (strcmp(order, "subscribe") == 0)
		set_hex(p->sock, ZMQ_SUBSCRIBE, strtok_r(NULL, " ", &words));
	else if (strcmp(order, "cancel") == 0)
		set_hex(p->sock, ZMQ_UNSUBSCRIBE, strtok_r(NULL, " ", &words));
	else if (strcmp(order, "close") == 0)
		close_peer(p);
	else
		fail(order);
}

static void relay_message(struct peer *p)
{
	int more = 1;
	printf("msg %s", p->name);
	while (more) {
		zmq_msg_t frame;
		must(zmq_msg_init(&frame), "receive");
		must(zmq_msg_recv(&frame, p->sock, 0), "receive");
		print_frame(zmq_msg_data(&frame), zmq_msg_size(&frame));
		more = zmq_msg_more(&frame);
		must(zmq_msg_close(&frame), "receive");
	}
	putchar('\n');
}

static void relay_event(struct peer *p)
{
	uint8_t body[16];
	uint16_t event;
	char address[ENDPOINT];
	must(zmq_recv(p->monitor, body, sizeof body, 0), "monitor");
	must(zmq_recv(p->monitor, address, sizeof address, 0), "monitor");
	memcpy(&event, body, sizeof event);
	const char *name = "DISCONNECTED";
	if (event == ZMQ_EVENT_CONNECTED)
		name = "CONNECTED";
	else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
		name = "HANDSHAKE_SUCCEEDED";
	else if (event & FAILED)
		name = "HANDSHAKE_FAILED";
	printf("event %s %s\n", p->name, name);
}

/* read_orders carries out the whole lines of one read, and tells of the end. */
static bool read_orders(void)
{
	static char *text;
	static size_t held, room;
	if (room - held < CHUNK) {
		room = 2 * room + CHUNK;
		text = allocated(realloc(text, room));
	}
	ssize_t n = read(STDIN_FILENO, text + held, room - held);
	must((int)n, "read");
	size_t from = held;
	held += (size_t)n;
	char *line = text, *end;
	while ((end = memchr(text + from, '\n', held - from))) {
		*end = 0;
		obey(line);
		line = end + 1;
		from = (size_t)(line - text);
	}
	held -= (size_t)(line - text);
	memmove(text, line, held);
	return n > 0;
}

/* turn waits until there is something to do, and does it all. */
static bool turn(void)
{
	static zmq_pollitem_t *items;
	int n = 1;
	for (struct peer *p = peers; p; p = p->next)
		n += 2;
	items = allocated(realloc(items, (size_t)n * sizeof *items));
	items[0] = (zmq_pollitem_t){.fd = STDIN_FILENO, .events = ZMQ_POLLIN};
	zmq_pollitem_t *item = items + 1;
	for (struct peer *p = peers; p; p = p->next) {
		*item++ = (zmq_pollitem_t){.socket = p->monitor, .events = ZMQ_POLLIN};
		*item++ = (zmq_pollitem_t){.socket = p->sock, .events = p->receives ? ZMQ_POLLIN : 0};
	}
	must(zmq_poll(items, n, -1), "poll");
	item = items + 1;
	for (struct peer *p = peers; p; p = p->next) {
		if (item++->revents)
			relay_event(p);
		if (item++->revents)
			relay_message(p);
	}
	return !items[0].revents || read_orders();
}

int main(void)
{
	context = allocated(zmq_ctx_new());
	must(zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 4096), "context");
	while (turn())
		fflush(stdout);
	while (peers)
		close_peer(peers);
	must(zmq_ctx_term(context), "end");
	return 0;
}
