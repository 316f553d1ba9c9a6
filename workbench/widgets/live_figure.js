// Draws a plotly figure and redraws it in place. The page asks the kernel for plotly's code once, for all figures.

const ASKED = "workbench_asked_for_plotly";
const PATIENCE = 20_000; // milliseconds

// A page outlives its kernel, and then there is nobody to tell.
function tell(model, content) {
  try {
    model.send(content);
  } catch (error) {
    console.info(`The kernel does not hear: ${error.message}`);
  }
}

async function plotly(model, signal) {
  const listen = (content, buffers) => {
    if (content !== "plotly" || globalThis.Plotly) return;
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(buffers[0]);
    document.head.append(script);
  };
  model.on("msg:custom", listen);
  while (!globalThis.Plotly && !signal.aborted) {
    // Who asked may be gone before the answer is there, so whoever still waits asks again.
    if (!(Date.now() - globalThis[ASKED] < PATIENCE)) {
      globalThis[ASKED] = Date.now();
      tell(model, "plotly");
    }
    await new Promise((resume) => setTimeout(resume, 50));
  }
  model.off("msg:custom", listen);
  return globalThis.Plotly;
}

export default {
  async render({ model, el, signal }) {
    const Plotly = await plotly(model, signal);
    if (signal.aborted) return;
    const draw = () => {
      const { data, layout, config } = model.get("figure");
      // A place without a height would be drawn flat.
      el.style.height = `${layout.height ?? layout.template.layout.height}px`;
      return Plotly.react(el, data, layout, config);
    };
    await draw();
    el.on("plotly_click", ({ points: [point] }) => tell(model, { x: point.x, y: point.y }));
    model.on("change:figure", draw);
    const observer = new ResizeObserver(() => el.offsetWidth && Plotly.Plots.resize(el));
    observer.observe(el);
    return () => {
      observer.disconnect();
      model.off("change:figure", draw);
      Plotly.purge(el);
    };
  },
};
