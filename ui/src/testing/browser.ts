// What jsdom lacks of a browser, as far as the panels ask for it. How they look is tested in a real one, in e2e/.
// Libraries look for these when they are loaded: this has to come before them.

/** The texts and rectangles that were drawn on canvases since the last test. */
export const drawn: { texts: string[]; rectangles: Array<{ color: string; box: number[] }> } = {
  texts: [],
  rectangles: [],
};

function context(): CanvasRenderingContext2D {
  const state: Record<string, unknown> = { fillStyle: '' };
  const methods: Record<string, (...args: never[]) => unknown> = {
    measureText: (text: string) => ({ width: String(text).length * 7 }),
    fillText: (text: string) => drawn.texts.push(text),
    fillRect: (...box: number[]) => drawn.rectangles.push({ color: String(state.fillStyle), box }),
    createLinearGradient: () => ({ addColorStop: () => undefined }),
  };
  return new Proxy(state, {
    get: (_, name: string) => methods[name] ?? state[name] ?? (() => undefined),
    set: (_, name: string, value) => ((state[name] = value), true),
  }) as unknown as CanvasRenderingContext2D;
}

class Observer {
  observe() {}
  unobserve() {}
  disconnect() {}
}

/** Says that everything has a size: without one nothing is drawn. */
class SizeObserver extends Observer {
  constructor(private readonly report: (entries: unknown[]) => void) {
    super();
  }
  observe() {
    const size = [{ inlineSize: 200, blockSize: 60 }];
    this.report([
      {
        contentRect: { x: 0, y: 0, left: 0, top: 0, width: 200, height: 60 },
        contentBoxSize: size,
        borderBoxSize: size,
      },
    ]);
  }
}

HTMLCanvasElement.prototype.getContext = context as unknown as typeof HTMLCanvasElement.prototype.getContext;
const stubs = {
  ResizeObserver: SizeObserver,
  IntersectionObserver: Observer,
  Path2D: class {
    rect() {}
    moveTo() {}
    lineTo() {}
    bezierCurveTo() {}
    arc() {}
    closePath() {}
    addPath() {}
  },
};
Object.assign(globalThis, stubs);
window.matchMedia = (media: string) =>
  ({
    media,
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }) as unknown as MediaQueryList;
