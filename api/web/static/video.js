// Which cameras stream. A browser opens at most six connections to one server: events take one, questions need two, so
// three cameras in view stream, further ones in view get single pictures, and those out of view get nothing.

import { pictureAddress } from "./server.js";
import { language } from "./texts.js";

const STREAMS = 3;
const STILL_EVERY_MS = 2000;
const RETRY_MS = 4000;

/** The live picture of one camera, inside the given image element. */
class LivePicture {
  constructor(image, camera) {
    this.image = image;
    this.camera = camera;
    this.inView = false;
    this.available = false;
    this.mode = "none";
    this.timer = 0;
    image.addEventListener("error", () => this.later(RETRY_MS));
    image.addEventListener("load", () => {
      image.classList.add("shown");
      if (this.mode === "still") this.later(STILL_EVERY_MS);
    });
  }

  later(delayMs) {
    clearTimeout(this.timer);
    if (this.mode !== "none") this.timer = setTimeout(() => this.request(), delayMs);
  }

  request() {
    const widthPx = Math.ceil((this.image.parentElement.clientWidth || 640) * Math.min(devicePixelRatio, 2));
    const kind = this.mode === "stream" ? "mjpg" : "jpg";
    this.image.src = pictureAddress(this.camera, kind, Math.min(Math.max(widthPx, 160), 1920), language);
  }

  show(mode, anew) {
    if (mode === this.mode && !anew) return;
    this.mode = mode;
    clearTimeout(this.timer);
    if (mode === "none") {
      this.image.removeAttribute("src"); // ends the connection
      this.image.classList.remove("shown");
    } else {
      this.request();
    }
  }
}

/** All live pictures of the page. */
export class Videos {
  constructor() {
    this.pictures = [];
    this.observer = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const picture = this.pictures.find((candidate) => candidate.image.parentElement === entry.target);
        if (picture) picture.inView = entry.isIntersecting;
      }
      this.arrange();
    }, { rootMargin: "80px" });
    document.addEventListener("visibilitychange", () => this.arrange());
  }

  add(image, camera) {
    this.pictures.push(new LivePicture(image, camera));
    this.observer.observe(image.parentElement);
  }

  /** Whether the camera has a picture to show. */
  setAvailable(camera, available) {
    const picture = this.pictures.find((candidate) => candidate.camera === camera);
    if (!picture || picture.available === available) return;
    picture.available = available;
    this.arrange();
  }

  /** Decide who streams; anew: ask for everything again, as after a lost connection or another language. */
  arrange(anew = false) {
    let streams = STREAMS;
    for (const picture of this.pictures) {
      const wanted = picture.inView && picture.available && !document.hidden;
      const mode = !wanted ? "none" : streams > 0 ? "stream" : "still";
      if (mode === "stream") streams -= 1;
      picture.show(mode, anew);
    }
  }
}
