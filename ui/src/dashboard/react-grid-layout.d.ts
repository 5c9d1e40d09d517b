/** The part of the library that places panels; it comes without types. */
declare module 'react-grid-layout/build/utils' {
  interface Place {
    i: string;
    x: number;
    y: number;
    w: number;
    h: number;
  }
  /** Moves places into the columns; changes them. */
  export function correctBounds(places: Place[], bounds: { cols: number }): Place[];
  /** Moves places up as far as they go, and down where they overlap, in the order that they are given in. */
  export function compact(places: Place[], direction: 'vertical', columns: number): Place[];
}
