package promise_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const exampleWorker = "../../examples/cloudflare-worker"

// worker is the Worker of the example, as a process of Cloudflare's open runtime
// workerd: the binary itself, so that a kill ends it.
type worker struct {
	*testing.T
	url      string
	dispatch string // takes batches for its queue handler: see cloudQueue
	config   string
	process  *exec.Cmd
	log      *tail
}

// workerSettings are what a Worker is bound to.
type workerSettings struct {
	texts                 map[string]string // vars and secrets
	deferred, deadLetters *cloudQueue
}

// dispatcher is a worker beside the example's: it calls the queue handler with
// the batch that it is sent, and answers with the verdict.
const dispatcher = `export default {
	async fetch(request, { TARGET }) {
		const { queue, messages } = await request.json();
		return Response.json(await TARGET.queue(queue, messages.map((m) => ({ ...m, timestamp: new Date(m.timestamp) }))));
	},
};
`

// newWorker bundles the Worker of the example and starts it.
func newWorker(t *testing.T, s workerSettings) *worker {
	t.Helper()
	dir := t.TempDir()
	bundle(t, filepath.Join(exampleWorker, "src/index.ts"), filepath.Join(dir, "worker.mjs"))
	w := &worker{T: t, url: "http://" + freeAddress(t), dispatch: "http://" + freeAddress(t), config: filepath.Join(dir, "config.capnp"), log: new(tail)}
	err := os.WriteFile(filepath.Join(dir, "dispatch.mjs"), []byte(dispatcher), 0o600)
	if err == nil {
		err = os.WriteFile(w.config, []byte(w.capnp(s)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.deferred.deliver = w.dispatch
	t.Cleanup(func() {
		w.kill()
		if t.Failed() {
			t.Logf("the Worker's log, the end of it:\n%s", w.log.last(40))
		}
	})
	w.start()
	return w
}

// bundle makes one module of a Worker, as wrangler does before it deploys.
func bundle(t *testing.T, from, to string) {
	t.Helper()
	esbuild := filepath.Join(exampleWorker, "node_modules/.bin/esbuild")
	_, err := os.Stat(esbuild)
	requireHere(t, "what npm ci installs in examples/cloudflare-worker", err)
	_, err = os.Stat("../../sdk/typescript/dist/index.js")
	requireHere(t, "what npm run build makes in sdk/typescript", err)
	out, err := exec.Command(esbuild, from, "--bundle", "--format=esm", "--external:cloudflare:*", "--log-level=warning", "--outfile="+to).CombinedOutput()
	if err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
}

// capnp is the configuration of the runtime: the Worker, what it is bound to,
// and the dispatcher.
func (w *worker) capnp(s workerSettings) string {
	var bindings []string
	for _, name := range slices.Sorted(maps.Keys(s.texts)) {
		bindings = append(bindings, fmt.Sprintf("(name = %q, text = %q)", name, s.texts[name]))
	}
	bindings = append(bindings, `(name = "DEFERRED", queue = "deferred")`, `(name = "DEAD_LETTERS", queue = "dead-letters")`)
	return fmt.Sprintf(`using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "dispatch", worker = .dispatch),
    (name = "internet", network = (allow = ["private"])),
    (name = "deferred", external = (address = %q, http = ())),
    (name = "dead-letters", external = (address = %q, http = ())),
  ],
  sockets = [
    (name = "http", address = %q, http = (), service = "main"),
    (name = "dispatch", address = %q, http = (), service = "dispatch"),
  ],
);
const main :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.mjs")],
  compatibilityDate = "2026-04-01",
  bindings = [%s],
);
const dispatch :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "dispatch.mjs")],
  compatibilityDate = "2026-04-01",
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "TARGET", service = "main")],
);
`, s.deferred.address(), s.deadLetters.address(), host(w.url), host(w.dispatch), strings.Join(bindings, ", "))
}

func host(url string) string { return strings.TrimPrefix(url, "http://") }

// start runs it until it answers.
func (w *worker) start() {
	w.Helper()
	found, err := filepath.Glob(filepath.Join(exampleWorker, "node_modules/@cloudflare/workerd-*/bin/workerd"))
	if err != nil || len(found) != 1 {
		w.Fatalf("workerd's binary: %q, %v", found, err)
	}
	w.process = exec.Command(found[0], "serve", "--experimental", w.config)
	w.process.Stdout, w.process.Stderr = w.log, w.log
	if err := w.process.Start(); err != nil {
		w.Fatal(err)
	}
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	deadline := time.Now().Add(patience)
	for {
		resp, err := client.Get(w.url + "/nowhere")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusNotFound {
				return
			}
			w.Fatalf("the Worker says %s of a path that is not there\n%s", resp.Status, w.log.last(20))
		}
		if time.Now().After(deadline) {
			w.Fatalf("the Worker does not answer: %v\n%s", err, w.log.last(20))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kill ends it at once, with all that it holds.
func (w *worker) kill() {
	if w.process.ProcessState == nil {
		_ = w.process.Process.Kill()
		_ = w.process.Wait()
	}
}
