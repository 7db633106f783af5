import { mount } from 'svelte';
import App from './App.svelte';
import { connectBackend } from './backend/backend';
import './common/tokens.css';
import './common/base.css';
import { start } from './state/session.svelte';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');
// The shell answers while the first picture is drawn.
const backend = await connectBackend();
void start(backend);
mount(App, { target });
