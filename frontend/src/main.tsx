import './ui/tokens.css';
import '@mantine/core/styles.layer.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { newClient } from './api/client';
import { Session } from './api/session';
import { App } from './app/App';
import { takeLink } from './app/setupLink';

const root = document.getElementById('root');
if (!root) throw new Error('the page has no #root');
const link = takeLink();
const session = new Session();
void session.ask();
createRoot(root).render(
  <StrictMode>
    <App session={session} connect={() => newClient(session)} link={link} />
  </StrictMode>,
);
