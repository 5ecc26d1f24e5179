// The search of the documentation. `search-index.js` has set `kosmoIndex`: the pages, for each word without its ending
// the pages that have it and how much it counts there, other words for the same thing, and the endings.
"use strict";
(() => {
  const { pages, words, synonyms, endings, spellings, silent } = kosmoIndex;
  const MOST = 12; // results that are shown
  const vocabulary = Object.keys(words);
  const form = document.querySelector("form[role=search]");
  const input = form.querySelector("input");
  const list = document.querySelector("#results");

  function stem(word) {
    for (const [ending, replacement] of endings) {
      if (!word.endsWith(ending)) continue;
      const short = word.slice(0, -ending.length);
      if (short.length + replacement.length < 3 || !/[aeiouy]/.test(short)) continue;
      if ((ending === "s" || ending === "es") && /[su]$/.test(short)) return word;
      if ((ending === "ed" || ending === "ing") && short.at(-1) === short.at(-2) && !/[ls]$/.test(short))
        return short.slice(0, -1);
      return short + replacement;
    }
    return word;
  }

  function termsOf(text) {
    text = text.toLowerCase();
    for (const [pattern, word] of spellings) text = text.replaceAll(new RegExp(pattern, "g"), word);
    const all = text.match(/[\p{L}\p{N}_]{2,}/gu) ?? [];
    const useful = all.filter(word => !silent.includes(word));
    return (useful.length ? useful : all).slice(0, 30).map(word => word.slice(0, 60));
  }

  // The words that a word of the question can stand for, with how much each of them counts.
  function alternatives(word) {
    const own = stem(word);
    const others = (synonyms[own] ?? []).filter(other => words[other]);
    if (words[own]) return [[own, 1], ...others.map(other => [other, 0.5])];
    if (others.length) return others.map(other => [other, 0.5]);
    const longer = vocabulary.filter(known => known.startsWith(own) || known.startsWith(word));
    const inside = longer.length || word.length < 4 ? longer : vocabulary.filter(known => known.includes(own));
    return inside.map(known => [known, 0.7]);
  }

  function search(text) {
    const scores = new Map();
    for (const term of termsOf(text)) {
      const best = new Map();
      for (const [word, much] of alternatives(term)) {
        const entries = words[word];
        for (let at = 0; at < entries.length; at += 2) {
          const score = entries[at + 1] * much;
          if (score > (best.get(entries[at]) ?? 0)) best.set(entries[at], score);
        }
      }
      for (const [page, score] of best) scores.set(page, (scores.get(page) ?? 0) + score);
    }
    return [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, MOST).map(([page]) => pages[page]);
  }

  function show() {
    const found = search(input.value);
    list.replaceChildren(
      ...found.map(([name, title], index) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        const about = document.createElement("span");
        link.href = `${encodeURIComponent(name)}.html`;
        link.textContent = name;
        about.textContent = title;
        link.append(about);
        item.append(link);
        item.classList.toggle("first", index === 0);
        return item;
      })
    );
    if (!found.length) {
      const item = document.createElement("li");
      item.className = "none";
      item.textContent = "Nothing speaks of this.";
      list.append(item);
    }
    list.hidden = !input.value.trim();
  }

  form.hidden = false;
  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  form.addEventListener("submit", event => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  document.addEventListener("keydown", event => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape") {
      list.hidden = true;
      input.blur();
    }
  });
  document.addEventListener("click", event => {
    if (!form.contains(event.target)) list.hidden = true;
  });
  // A phone has no room for the list of pages beside a page.
  if (matchMedia("(max-width: 46rem)").matches) document.querySelector("nav details").open = false;
})();
