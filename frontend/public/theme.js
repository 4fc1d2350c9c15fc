// Sets the colour scheme before the first paint, so that nobody is blinded by the wrong one. A file of its
// own, because the content security policy allows no script inside a page.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem('sentinel-theme');
  } catch {
    // storage may be switched off; then the system decides
  }
  const dark =
    chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
