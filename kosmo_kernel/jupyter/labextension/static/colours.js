// Lua's colours in the cells of a Python notebook that are Lua: below `%%kosmo_lua`, and behind `%kosmo_lua` on a line.
//
// A cell's editor gets one compartment, ahead of the notebook's language. It holds Lua while the cell's first line is
// the magic, and marks for single lines of it otherwise; each change of the text decides anew. The cell stays a Python
// cell for everyone else: its MIME type is untouched, and where that is not Python's (a Lua notebook, a cell that
// another extension has made SQL) the compartment is empty. What it must never do is provide CodeMirror's `language`
// as a computed value: that would be asked for in every editor, and hide the language of those that are not ours.

const PYTHON = /^text\/x-i?python$/;
const MAGIC = /^\s*%%kosmo_lua(?!\S)/;
const MAY_STAND_ABOVE = /^\s*(%%(time|timeit|capture|prun)(?!\S)|$)/; // they run what is below as a cell
const OPTION = /--?[A-Za-z][\w-]*(?:=\S*)?[ \t]+(?:[\w.,]+[ \t]+)?/.source;
const LINE_MAGIC = new RegExp(`^\\s*(?:[^\\s%"'#=][^%"'#=]*=\\s*)?%kosmo_lua[ \\t]+(?:${OPTION})*(?=\\S)`);

function isLua(lines) {
  for (const line of lines) {
    if (MAGIC.test(line)) return true;
    if (!MAY_STAND_ABOVE.test(line)) return false;
  }
  return false;
}

export const modules = [
  "@jupyterlab/codemirror",
  "@codemirror/language",
  "@codemirror/state",
  "@codemirror/view",
  "@lezer/highlight"
];

export default async shared => {
  const [jupyter, language, state, view, lezer] = await Promise.all(modules.map(shared));

  // JupyterLab's Lua, with the lines down to the magic kept out of it.
  function belowMagic(support) {
    const lua = support.language.streamParser;
    if (!lua) return support; // a grammar of another kind: colours for the Lua all the same, and odd ones for the line
    return language.StreamLanguage.define({
      ...lua,
      startState: unit => ({ ...lua.startState(unit), inLua: false }),
      token: (stream, at) => {
        if (at.inLua) return lua.token(stream, at);
        const name = stream.sol() && stream.match(/^\s*%%\w+/);
        if (!name) stream.skipToEnd();
        at.inLua = stream.eol() && MAGIC.test(stream.string);
        return name ? "operator" : null; // as Python has its percent signs; themes make `meta` hard to read on dark
      }
    });
  }

  // Marks for the Lua on lines that start with the magic, or assign what it gives.
  function onLines(support) {
    const mark = classes => view.Decoration.mark({ class: `kosmo-lua ${classes}` });

    const inString = (text, place) => {
      let node = language.syntaxTree(text).resolveInner(place, 1);
      while (node && !/String/.test(node.name)) node = node.parent;
      return node !== null;
    };

    const marksOf = ({ state: text, visibleRanges }) => {
      const marks = new state.RangeSetBuilder();
      const colours = { style: tags => language.highlightingFor(text, tags) };
      for (const { from, to } of visibleRanges) {
        for (let line, at = from; at <= to; at = line.to + 1) {
          line = text.doc.lineAt(at);
          const start = LINE_MAGIC.exec(line.text)?.[0].length;
          if (!start || inString(text, line.from)) continue;
          const origin = line.from + start;
          let done = origin; // side by side: which of two nested marks is the inner one depends on the version
          const markUpTo = (place, classes) => {
            if (place > done) marks.add(done, place, mark(classes));
            done = place;
          };
          const tree = support.language.parser.parse(line.text.slice(start));
          lezer.highlightTree(tree, colours, (first, last, classes) => {
            markUpTo(origin + first, "");
            markUpTo(origin + last, classes);
          });
          markUpTo(line.to, "");
        }
      }
      return marks.finish();
    };

    const marking = view.ViewPlugin.define(
      shown => ({
        marks: marksOf(shown),
        update(change) {
          const parsed = language.syntaxTree(change.startState) !== language.syntaxTree(change.state);
          if (change.docChanged || change.viewportChanged || parsed) this.marks = marksOf(change.view);
        }
      }),
      { decorations: plugin => plugin.marks }
    );
    return state.Prec.highest(marking); // inside Python's marks, so that these have the last word
  }

  return {
    id: "kosmo_kernel:colours",
    description: "Colours Lua in the cells of Python notebooks.",
    autoStart: true,
    requires: [jupyter.IEditorExtensionRegistry, jupyter.IEditorLanguageRegistry],
    activate: async (app, editors, languages) => {
      const { support } = await languages.getLanguage("text/x-lua");
      const [cell, line, none] = [belowMagic(support), onLines(support), []];

      editors.addExtension({
        name: "kosmo_kernel:colours",
        factory: ({ model }) => {
          if (model.type !== "code") return null; // a file, or a cell of text
          const wanted = lines => (!PYTHON.test(model.mimeType) ? none : isLua(lines) ? cell : line);
          const compartment = new state.Compartment();
          return jupyter.EditorExtensionRegistry.createImmutableExtension([
            state.Prec.highest(compartment.of(wanted(model.sharedModel.getSource().split("\n")))),
            // A new kernel and another extension's choice come this way as well: they change the editor's language.
            state.EditorState.transactionExtender.of(change => {
              const next = wanted(change.newDoc.iterLines());
              return next === compartment.get(change.startState) ? null : { effects: compartment.reconfigure(next) };
            })
          ]);
        }
      });
    }
  };
};
