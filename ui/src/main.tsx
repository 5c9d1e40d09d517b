import './grafana/publicPath';
import { createRoot } from 'react-dom/client';
import { initPluginTranslations } from '@grafana/i18n';
import { registerGrafana } from './grafana/register';
import { App } from './shell/App';
import './styles/frame.css';
import './styles/dashboard.css';
import './styles/lists.css';
import './styles/panels.css';
import './styles/pages.css';

registerGrafana();
// Grafana's components render nothing useful before their texts are there.
void initPluginTranslations('diorama').then(() => {
  const root = document.getElementById('root');
  if (root) {
    createRoot(root).render(<App />);
  }
});
