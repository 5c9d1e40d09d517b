// @grafana/ui reads this before its first render: icons come from <path>build/img/icons, fonts from <path>fonts.
declare global {
  interface Window {
    __grafana_public_path__?: string;
  }
}

window.__grafana_public_path__ = '/';

export {};
