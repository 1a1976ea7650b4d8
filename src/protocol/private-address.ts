/**
 * Whether a URL's host is of a private network, of this machine, or of no public one: what a deployed platform must not
 * call on a user's behalf (design §10). Judges the text alone; which address a public name stands for is the runtime's
 * business, and Workers reach no private ones.
 */
export function isPrivateTarget(url: URL): boolean {
  const host = url.hostname.toLowerCase().replace(/\.$/, ""); // URL has already read 0x7f.1 and the like as 127.0.0.1
  if (host.startsWith("[")) return isPrivateIpv6(host.slice(1, -1));
  const ipv4 = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  if (ipv4) return isPrivateIpv4(ipv4.slice(1).map(Number));
  return !host.includes(".") || PRIVATE_SUFFIXES.some((suffix) => host.endsWith(suffix));
}

/** RFC 6761, RFC 6762, RFC 8375, and the names that networks and clouds use inside. */
const PRIVATE_SUFFIXES = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp", ".home"];

/** IANA's registry of special-purpose addresses: not globally reachable. */
function isPrivateIpv4([a = 0, b = 0, c = 0]: number[]): boolean {
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) || // shared by carriers
    (a === 169 && b === 254) || // link-local, where clouds keep their metadata
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 192 && b === 0 && c === 0) ||
    (a === 198 && (b === 18 || b === 19)) || // benchmarks
    a >= 224 // multicast and reserved
  );
}

function isPrivateIpv6(address: string): boolean {
  const groups = groupsOf(address);
  const [first = 0, second = 0, third = 0] = groups;
  const embedded = (at: number) => {
    const [high = 0, low = 0] = groups.slice(at, at + 2);
    return isPrivateIpv4([high >> 8, high & 255, low >> 8, low & 255]);
  };
  if (groups.slice(0, 5).every((group) => group === 0)) return groups[5] === 0xffff ? embedded(6) : true; // mapped, ::, ::1
  if (first === 0x64 && second === 0xff9b) return embedded(6); // NAT64
  if (first === 0x2002) return embedded(1); // 6to4
  return (
    (first & 0xfe00) === 0xfc00 || // unique local
    (first & 0xff80) === 0xfe80 || // link-local and site-local
    first >= 0xff00 || // multicast
    (first === 0x2001 && second === 0 && third === 0) || // Teredo
    (first === 0x2001 && second === 0xdb8) // documentation
  );
}

/** The eight groups of an address as URL writes it: lower case, compressed, without dots. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const read = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return read(head);
  const [before, after] = [read(head), read(tail)];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}
