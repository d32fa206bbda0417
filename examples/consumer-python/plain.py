import json

import zmq

pull, push = (zmq.Context.instance().socket(kind) for kind in (zmq.PULL, zmq.PUSH))
pull.connect("tcp://127.0.0.1:5555")
while head := json.loads((frames := pull.recv_multipart())[1]):  # act on frames[2]
    print("done", frames[0].decode(), head["id"], "attempt", head["attempt"])
    push.LAST_ENDPOINT or push.connect(head["reply"])
    push.send_json({k: head[k] for k in ("id", "source", "lease")} | {"status": "done"})
