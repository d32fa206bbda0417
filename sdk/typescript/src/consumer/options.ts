/** Takes an address, or several. */
export function addresses(connect: string | readonly string[] | undefined): readonly string[] {
  const list = typeof connect === "string" ? [connect] : (connect ?? []);
  if (list.length === 0 || list.some((one) => !/^(tcp|ipc):\/\/./.test(one))) {
    throw new TypeError("connect needs addresses of a channel, for example tcp://127.0.0.1:5555");
  }
  return list;
}

/** Takes a whole number of at least one, or what stands for none. */
export function count(value: number | undefined, standard: number, name: string): number {
  const taken = value ?? standard;
  if (!Number.isInteger(taken) || taken < 1) throw new TypeError(`${name} is a whole number over 0`);
  return taken;
}
