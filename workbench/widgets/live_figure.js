// Draws a plotly figure and redraws it in place. The page asks the kernel for plotly's code once, for all figures.

const LOADING = "workbench_plotly";

function plotly(model) {
  globalThis[LOADING] ??= new Promise((loaded) => {
    model.on("msg:custom", (content, buffers) => {
      if (content !== "plotly") return;
      const script = document.createElement("script");
      script.textContent = new TextDecoder().decode(buffers[0]);
      document.head.append(script);
      loaded(globalThis.Plotly);
    });
    model.send("plotly");
  });
  return globalThis[LOADING];
}

export default {
  async render({ model, el }) {
    const Plotly = await plotly(model);
    const draw = () => {
      const { data, layout, config } = model.get("figure");
      el.style.height = `${layout.height}px`;
      return Plotly.react(el, data, layout, config);
    };
    await draw();
    el.on("plotly_click", ({ points: [point] }) => model.send({ x: point.x, y: point.y }));
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
