import { Pull, Push } from "zeromq";

const commands = new Pull(), replies = new Push(); commands.connect("tcp://127.0.0.1:5555");
for await (const [topic, header, event] of commands) { // act on event
  const { id, source, lease, attempt, reply } = JSON.parse(header);
  console.log(`done ${topic} ${id} attempt ${attempt}`);
  if (!replies.lastEndpoint) replies.connect(reply);
  await replies.send(JSON.stringify({ id, source, lease, status: "done" }));
}
