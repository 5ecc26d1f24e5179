// A new cell with a given text: the command `kosmo:insert-cell`, and the buttons in outputs that ask for one.
//
// An output may be anyone's, so what it can reach here is harmless by itself: a cell is added, where it is seen, and
// waits; nothing runs, no cell that was there changes. A button says its text in `data-kosmo-insert`, an attribute that
// JupyterLab removes from outputs that it does not trust; and the click has to be a person's, not a script's.

const LONGEST = 100_000; // characters of a cell

export const modules = ["@jupyterlab/notebook"];

export default async shared => {
  const { INotebookTracker } = await shared("@jupyterlab/notebook");

  function insert({ content: notebook }, index, source) {
    if (typeof source !== "string" || source.length > LONGEST)
      throw new TypeError(`kosmo:insert-cell: source is a text of up to ${LONGEST} characters`);
    notebook.model.sharedModel.insertCell(index, { cell_type: "code", source, metadata: { trusted: false } });
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    notebook.mode = "command";
    notebook.activate();
    notebook.scrollToItem(index).catch(() => {}); // it gives up when the page is scrolled elsewhere meanwhile
  }

  return {
    id: "kosmo_kernel:insert-cell",
    description: "Inserts a cell with a given text.",
    autoStart: true,
    optional: [INotebookTracker],
    activate: (app, notebooks) => {
      if (!notebooks) return; // Voila
      // The tracker remembers the last notebook while something else is in front.
      const inFront = () => (notebooks.currentWidget === app.shell.currentWidget ? notebooks.currentWidget : null);

      app.commands.addCommand("kosmo:insert-cell", {
        label: "Insert as Cell",
        isEnabled: () => inFront() !== null,
        execute: ({ source, position = "below" }) => {
          if (!["below", "above"].includes(position))
            throw new TypeError("kosmo:insert-cell: position is below or above");
          const panel = inFront();
          if (panel) insert(panel, panel.content.activeCellIndex + (position === "below"), source);
        }
      });

      document.body.addEventListener("click", click => {
        const button = click.isTrusted && click.target.closest("button[data-kosmo-insert]");
        const panel = button && notebooks.find(({ content }) => content.node.contains(button));
        if (!panel) return;
        const asker = panel.content.widgets.findIndex(cell => cell.node.contains(button));
        insert(panel, asker + 1, button.dataset.kosmoInsert);
      });
    }
  };
};
