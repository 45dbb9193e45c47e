// A browser refuses workers to pages that were opened from the file system; the site's search then runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.waiting = [];
      const attach = () => this.attach(String(url));
      document.body ? attach() : addEventListener("DOMContentLoaded", attach);
    }

    attach(url) {
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      inside.postMessage = (data) => setTimeout(() => this.deliver(this, new MessageEvent("message", { data })));
      const script = inside.document.createElement("script");
      script.src = url;
      script.onload = () => {
        this.inside = inside;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      };
      script.onerror = () => this.deliver(this, new ErrorEvent("error", { message: `cannot load ${url}` }));
      inside.document.body.append(script);
    }

    postMessage(data) {
      if (!this.inside) return void this.waiting.push(data);
      setTimeout(() => this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data })));
    }

    // an EventTarget does not call its own onmessage and onerror; a window does
    deliver(target, event) {
      target[`on${event.type}`]?.(event);
      target.dispatchEvent(event);
    }

    terminate() {
      this.frame.remove();
    }
  };
}
