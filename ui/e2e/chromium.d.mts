/** The browser that is to be started; undefined is Playwright's own. */
export function chromiumPath(): string | undefined;
