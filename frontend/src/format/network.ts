/** An address or a network as the server will understand it. */
export interface Network {
  /** As the server writes it: 198.51.100.7, 2001:db8::/64. */
  text: string;
  version: 4 | 6;
  /** How many leading bits are fixed. */
  bits: number;
  /** It is exactly one address. */
  single: boolean;
  first: string;
  last: string;
}

/** What was read, or what is wrong with it in the words of the server; `instead` is what may be meant. */
export type Reading = { network: Network } | { problem: string; instead?: string[] };

const example = 'Write an address or a network, as 198.51.100.7 or 2001:db8::/64.';

/** Reads an address or CIDR as the server does. Bits beyond the length are refused: either may be meant. */
export function readNetwork(text: string): Reading {
  const [head = '', length, ...rest] = text.trim().split('/');
  if (rest.length > 0 || head.length > 45) return { problem: example };
  let address = readAddress(head);
  if (!address) return { problem: nearly(head) ?? example };
  let width = address.version === 4 ? 32 : 128;
  let bits = width;
  if (length !== undefined) {
    if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > width)
      return { problem: `The length after the slash must be 0 to ${width}.` };
    bits = Number(length);
  }
  const inner = mapped(address.value);
  if (address.version === 6 && inner !== undefined && bits >= 96) {
    address = { version: 4, value: inner };
    width = 32;
    bits -= 96;
  }
  const { version, value } = address;
  const free = BigInt(width - bits);
  const first = (value >> free) << free;
  const last = first + (1n << free) - 1n;
  const single = bits === width;
  if (first !== value) {
    const network = `${write(version, first)}/${bits}`;
    const alone = write(version, value);
    return { problem: `${network} is the network, ${alone} the address.`, instead: [network, alone] };
  }
  const name = write(version, first);
  return {
    network: {
      text: single ? name : `${name}/${bits}`,
      version,
      bits,
      single,
      first: name,
      last: write(version, last),
    },
  };
}

/** The address as the server writes it, or undefined when the text is none. */
export function addressIn(text: string): string | undefined {
  const read = readNetwork(text);
  return 'network' in read && read.network.single && !text.includes('/') ? read.network.text : undefined;
}

/** "1 address", "256 addresses", "2^64 addresses". */
export function size(network: Network): string {
  const free = (network.version === 4 ? 32 : 128) - network.bits;
  if (free === 0) return '1 address';
  if (free > 32) return `2^${free} addresses`;
  return `${(2 ** free).toLocaleString('en')} addresses`;
}

interface Address {
  version: 4 | 6;
  value: bigint;
}

function readAddress(text: string): Address | undefined {
  const value = text.includes(':') ? readSix(text) : readFour(text);
  return value === undefined ? undefined : { version: text.includes(':') ? 6 : 4, value };
}

function readFour(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256))
    return undefined;
  return parts.reduce((sum, p) => sum * 256n + BigInt(p), 0n);
}

function readSix(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half) => groups(half));
  if (!before || (halves.length === 2 && !after)) return undefined;
  const known = before.length + (after?.length ?? 0);
  if (halves.length === 1 ? known !== 8 : known > 7) return undefined;
  const all = [...before, ...Array<bigint>(8 - known).fill(0n), ...(after ?? [])];
  return all.reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** The 16-bit groups between colons; the last two may be written as IPv4. */
function groups(text: string): bigint[] | undefined {
  if (text === '') return [];
  const out: bigint[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const four = i === parts.length - 1 && part.includes('.') ? readFour(part) : undefined;
    if (four !== undefined) out.push(four >> 16n, four & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) out.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return out;
}

/** The IPv4 address in ::ffff:1.2.3.4. */
function mapped(value: bigint): bigint | undefined {
  return value >> 32n === 0xffffn ? value & 0xffffffffn : undefined;
}

function write(version: 4 | 6, value: bigint): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const parts = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  let [from, length] = [-1, 1]; // the longest run of zeros, the first of equals; one alone is written out
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && parts[end] === 0n) end++;
    if (end - i > length) [from, length] = [i, end - i];
  }
  const hex = parts.map((p) => p.toString(16));
  if (from === -1) return hex.join(':');
  return `${hex.slice(0, from).join(':')}::${hex.slice(from + length).join(':')}`;
}

/** A hint about what people get wrong most. */
function nearly(text: string): string | undefined {
  if (/^\d+(\.\d+){0,2}\.?$/.test(text)) return 'An IPv4 address has four numbers, as 198.51.100.7.';
  if (/^\d+(\.\d+){3}$/.test(text))
    return 'Each of the four numbers must be 0 to 255, without zeros in front.';
  if (/^[0-9a-f:]+$/i.test(text) && text.includes(':'))
    return 'An IPv6 address has eight groups, or :: for zeros.';
  return undefined;
}
