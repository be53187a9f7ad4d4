"use strict";
// One player for films and for skeletons: play and pause, a slider for the time, slower and faster.
// A source has duration and time in seconds, play(speed), pause(), and tells of every change.
(() => {
  const SPEEDS = [1, 0.5, 0.25];
  const COLOURS = { "left hand": "--k2", "right hand": "--k3" };

  function filmSource(video, tell) {
    video.controls = false;
    for (const event of ["timeupdate", "seeked", "loadedmetadata", "play", "pause", "ended"])
      video.addEventListener(event, tell);
    const follow = () => { tell(); if (!video.paused) requestAnimationFrame(follow); };
    return {
      get duration() { return Number.isFinite(video.duration) ? video.duration : 0; },
      get time() { return video.currentTime; },
      set time(to) { video.currentTime = to; tell(); },  // "seeked" may be long in coming
      get playing() { return !video.paused && !video.ended; },
      play(speed) { video.playbackRate = speed; video.play().then(follow, tell); },
      pause() { video.pause(); },
    };
  }

  function skeletonSource(canvas, tell) {
    const bytes = Uint8Array.from(atob(canvas.dataset.points), (one) => one.charCodeAt(0));
    const limbs = JSON.parse(canvas.dataset.limbs), dots = JSON.parse(canvas.dataset.dots);
    const count = Number(canvas.dataset.count), rate = Number(canvas.dataset.rate) || 25;
    const steps = bytes.length / (2 * count), duration = steps / rate;
    const pen = canvas.getContext("2d"), unit = canvas.width / 254;
    let time = 0, running = null;

    function draw() {
      const style = getComputedStyle(canvas);
      const begin = 2 * count * Math.min(Math.floor(time * rate + 1e-6), steps - 1);
      const seen = (point) => bytes[begin + 2 * point] !== 255;
      const at = (point) => [bytes[begin + 2 * point] * unit, bytes[begin + 2 * point + 1] * unit];
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.lineCap = "round";
      pen.lineWidth = canvas.width / 60;
      for (const [name, pairs] of Object.entries(limbs)) {
        pen.strokeStyle = style.getPropertyValue(COLOURS[name] ?? "--ink");
        pen.beginPath();
        for (const [a, b] of pairs)
          if (seen(a) && seen(b)) { pen.moveTo(...at(a)); pen.lineTo(...at(b)); }
        pen.stroke();
      }
      pen.fillStyle = style.getPropertyValue("--soft");
      const radius = canvas.width / (Object.keys(limbs).length ? 200 : 70);
      for (const point of dots.filter(seen)) {
        pen.beginPath();
        pen.arc(...at(point), radius, 0, 7);
        pen.fill();
      }
    }

    function show() { draw(); tell(); }
    function halt() { if (running) cancelAnimationFrame(running); running = null; }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    requestAnimationFrame(show);
    return {
      duration,
      get time() { return time; },
      set time(to) { time = Math.min(Math.max(to, 0), duration); show(); },
      get playing() { return running !== null; },
      play(speed) {
        halt();
        let before = null;
        const step = (now) => {
          time = Math.min(time + (before === null ? 0 : speed * (now - before) / 1000), duration);
          before = now;
          running = time < duration ? requestAnimationFrame(step) : null;
          show();
        };
        running = requestAnimationFrame(step);
      },
      pause() { halt(); tell(); },
    };
  }

  for (const player of document.querySelectorAll(".player")) {
    const screen = player.querySelector("video, canvas");
    const [toggle, speed] = player.querySelectorAll("button");
    const slider = player.querySelector("input"), clock = player.querySelector("output");
    let pace = 0;

    function tell() {
      if (!source) return;
      toggle.textContent = source.playing ? "❚❚" : "▶";
      toggle.setAttribute("aria-label", source.playing ? "Pause" : "Play");
      slider.max = source.duration;
      slider.value = source.time;
      clock.textContent = `${source.time.toFixed(1)} / ${source.duration.toFixed(1)} s`;
      slider.setAttribute("aria-valuetext", `${source.time.toFixed(1)} seconds`);
    }
    let source = null;  // which may tell of itself before it is here
    source = (screen.tagName === "VIDEO" ? filmSource : skeletonSource)(screen, tell);

    toggle.addEventListener("click", () => {
      if (source.playing) return source.pause();
      if (source.time >= source.duration - 0.01) source.time = 0;
      source.play(SPEEDS[pace]);
    });
    speed.addEventListener("click", () => {
      pace = (pace + 1) % SPEEDS.length;
      speed.textContent = `${SPEEDS[pace]}×`;
      speed.setAttribute("aria-label", `Speed ${SPEEDS[pace]}×`);
      if (source.playing) source.play(SPEEDS[pace]);
    });
    slider.addEventListener("input", () => {
      const to = Number(slider.value);  // before pausing sets it
      source.pause();
      source.time = to;
    });
    player.hidden = false;
    tell();
  }
})();
