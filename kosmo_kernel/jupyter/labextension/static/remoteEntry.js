// What JupyterLab and Notebook 7 load first. It stands where a bundler's output would stand, and is written by hand:
// three functions of module federation's protocol are all that is needed, so there is nothing to build.
//
// The page calls `init` with the modules that it shares, then `get` for what `package.json` names in `_build`.
"use strict";
(() => {
  const home = new URL(".", document.currentScript.src);
  let offered; // by name, then by version: { get, loaded, … }

  // A module of the page's own, not a copy: tokens and facets are the same thing only if they are the same object.
  // Which version that is follows the rule for singletons: the one in use, else the newest.
  async function shared(name) {
    const versions = Object.entries(offered[name] ?? {});
    if (!versions.length) throw new Error(`kosmo_kernel: this JupyterLab does not share ${name}`);
    versions.sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
    const [, found] = versions.find(([, version]) => version.loaded) ?? versions.at(-1);
    return (await found.get())();
  }

  const exposed = {
    // Voila loads the extension, too, and has no editors and no notebooks: what needs them is left out there.
    "./extension": async () => {
      const plugins = await Promise.all(
        ["colours.js", "insert-cell.js"].map(async file => {
          const { default: plugin, modules } = await import(new URL(file, home));
          return modules.every(name => offered[name]) ? plugin(shared) : null;
        })
      );
      return plugins.filter(plugin => plugin !== null);
    },
    "./style": async () => {
      for (const file of ["style.css", "outputs.css"]) {
        const link = document.createElement("link");
        link.rel = "stylesheet";
        link.href = new URL(file, home);
        document.head.append(link);
      }
      return {};
    }
  };

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB.kosmo_kernel = {
    init: modules => {
      offered = modules;
    },
    get: async name => {
      const module = await exposed[name]();
      return () => module;
    }
  };
})();
