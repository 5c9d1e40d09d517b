import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { createTheme, ThemeContext } from '@grafana/data';
import { usePlace } from '../router';

type Mode = 'dark' | 'light';

const KEY = 'diorama.theme';
const ModeContext = createContext<{ mode: Mode; toggle: () => void }>({ mode: 'dark', toggle: () => undefined });

export function useMode() {
  return useContext(ModeContext);
}

function stored(): Mode {
  const saved = window.localStorage.getItem(KEY);
  return saved === 'light' ? 'light' : 'dark';
}

/** Dark or light: `?theme=` of the address, else what was chosen last, else dark as in Grafana. */
export function ThemeProvider({ children }: { children: ReactNode }) {
  const [chosen, setChosen] = useState<Mode>(stored);
  const asked = usePlace().query.get('theme');
  const mode: Mode = asked === 'light' || asked === 'dark' ? asked : chosen;
  const theme = useMemo(() => createTheme({ colors: { mode } }), [mode]);
  const value = useMemo(
    () => ({
      mode,
      toggle: () => {
        const next = mode === 'dark' ? 'light' : 'dark';
        window.localStorage.setItem(KEY, next);
        setChosen(next);
      },
    }),
    [mode]
  );
  useEffect(() => {
    const { style, classList } = document.body;
    classList.remove('theme-dark', 'theme-light');
    classList.add(`theme-${mode}`);
    style.setProperty('--canvas', theme.colors.background.canvas);
    style.setProperty('--primary', theme.colors.background.primary);
    style.setProperty('--secondary', theme.colors.background.secondary);
    style.setProperty('--border', theme.colors.border.weak);
    style.setProperty('--text', theme.colors.text.primary);
    style.setProperty('--text-quiet', theme.colors.text.secondary);
    style.setProperty('--link', theme.colors.text.link);
    style.setProperty('--accent', theme.colors.warning.main);
    style.setProperty('--good', theme.colors.success.text);
    style.setProperty('--bad', theme.colors.error.text);
    style.setProperty('--running', theme.colors.success.main);
    style.setProperty('--failed', theme.colors.error.main);
    style.setProperty('--succeeded', theme.colors.info.main);
    style.setProperty('--hover', theme.colors.action.hover);
    style.setProperty('--selected', theme.colors.action.selected);
  }, [mode, theme]);
  return (
    <ModeContext.Provider value={value}>
      <ThemeContext.Provider value={theme}>{children}</ThemeContext.Provider>
    </ModeContext.Provider>
  );
}
