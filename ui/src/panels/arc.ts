function point(x: number, y: number, radius: number, angle: number): string {
  return `${(x + radius * Math.cos(angle)).toFixed(2)} ${(y + radius * Math.sin(angle)).toFixed(2)}`;
}

/** The SVG path of an arc about (x, y), clockwise between two angles in radians. */
export function arc(x: number, y: number, radius: number, from: number, to: number): string {
  // A full circle has no direction: its ends must not meet.
  const end = Math.min(to, from + 2 * Math.PI - 0.0001);
  const large = end - from > Math.PI ? 1 : 0;
  return `M ${point(x, y, radius, from)} A ${radius} ${radius} 0 ${large} 1 ${point(x, y, radius, end)}`;
}

/** The SVG path of a ring's segment; with an inner radius of 0 it is a slice. */
export function segment(x: number, y: number, inner: number, outer: number, from: number, to: number): string {
  const end = Math.min(to, from + 2 * Math.PI - 0.0001);
  const large = end - from > Math.PI ? 1 : 0;
  const back =
    inner > 0
      ? `L ${point(x, y, inner, end)} A ${inner} ${inner} 0 ${large} 0 ${point(x, y, inner, from)}`
      : `L ${x} ${y}`;
  return `M ${point(x, y, outer, from)} A ${outer} ${outer} 0 ${large} 1 ${point(x, y, outer, end)} ${back} Z`;
}
