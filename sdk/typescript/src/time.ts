const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const YEARS = /^(?!0000)\d{4}-/; // 1 to 9999: languages differ about the others

/**
 * Reads a time (RFC 3339, section 5.6, in capitals) and gives it as event
 * signatures have it: in UTC, cut to whole seconds. Undefined for what is none,
 * leap seconds and days that no month has among it.
 */
export function utc(text: string): string | undefined {
  const [, local, sign, hours = 0, minutes = 0] = TIME.exec(text) ?? [];
  if (!local) return undefined;
  const at = new Date(`${local}Z`);
  if (!(at.getTime() === at.getTime() && at.toISOString().startsWith(local))) return undefined; // V8 has a 30 February
  at.setTime(at.getTime() - Number(`${sign ?? "+"}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000);
  const iso = at.toISOString();
  return YEARS.test(local) && YEARS.test(iso) ? `${iso.slice(0, 19)}Z` : undefined;
}
