import './grafana/publicPath';
import { createRoot } from 'react-dom/client';
import { initPluginTranslations } from '@grafana/i18n';
import { registerGrafana } from './grafana/register';
import { App } from './shell/App';
import './styles.css';

registerGrafana();
// Grafana's components render nothing useful before their texts are there.
void initPluginTranslations('diorama').then(() => {
  const root = document.getElementById('root');
  if (root) {
    createRoot(root).render(<App />);
  }
});
