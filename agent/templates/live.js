"use strict";
// Steps are appended as they come; the rest of the page is asked for again when something changes.
const now = document.getElementById("now");
const state = document.getElementById("connection");
const WHOLE = ["Started", "Ended", "BranchMade", "Pushed", "PullRequestOpened"];
let waiting = 0;

function busy() {
  return now.contains(document.activeElement) || now.querySelector("details[open]");
}

function refresh(delay) {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    if (busy()) { refresh(3000); return; }
    try {
      const answer = await fetch("/now");
      if (answer.ok) { now.innerHTML = await answer.text(); follow(); }
    } catch (error) { refresh(5000); }
  }, delay);
}

function follow() {
  for (const list of now.querySelectorAll(".steps")) { list.scrollTop = list.scrollHeight; }
}

function append(list, step) {
  const item = document.createElement("li");
  for (const [name, text] of [["mono soft", step.at], ["badge " + step.mark, step.topic], ["words", step.text]]) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    item.append(part, " ");
  }
  list.append(item);
  list.scrollTop = list.scrollHeight;
}

const feed = new EventSource("/events?since=" + encodeURIComponent(now.dataset.since));
feed.onopen = () => { state.textContent = "live"; };
feed.onerror = () => { state.textContent = "connection lost, trying again"; };
feed.onmessage = (message) => {
  const step = JSON.parse(message.data);
  document.title = step.text.slice(0, 60) + " · AutoHealer";
  const list = document.getElementById("run-" + step.incident + "-" + step.run);
  if (list && !WHOLE.includes(step.event)) { append(list, step); } else { refresh(300); }
};
follow();
setInterval(() => refresh(0), 20000);
