/** Reads a body to its end, or to more than so many bytes: then the rest is cancelled, and it is undefined. */
export async function read(response: Response, most: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > most) return undefined; // to leave the loop cancels
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
