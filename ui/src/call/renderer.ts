import type { Picture } from './protocol';
import { fitInside, type Fit } from './fit';

/** Draws pictures into one canvas at the canvas' own size. */
export interface Renderer {
  /** Null while the GPU has lost the context; the next picture after its return is drawn. */
  draw(picture: Picture, how: { fit: Fit; mirror: boolean }): boolean;
  dispose(): void;
}

/** WebGL2 where there is one, else plain 2D. */
export function createRenderer(canvas: HTMLCanvasElement): Renderer {
  // preserveDrawingBuffer lets tests and screenshots read the pixels.
  const gl = canvas.getContext('webgl2', {
    alpha: false,
    antialias: false,
    depth: false,
    stencil: false,
    preserveDrawingBuffer: true,
  });
  return gl !== null ? new GlRenderer(canvas, gl) : new PlainRenderer(canvas);
}

const VERTEX = `#version 300 es
uniform vec4 place; // scale x, y of the quad; mirror sign in z
out vec2 at;
void main() {
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
  at = vec2(place.z < 0.0 ? 1.0 - corner.x : corner.x, 1.0 - corner.y);
  gl_Position = vec4((corner * 2.0 - 1.0) * place.xy, 0.0, 1.0);
}`;

// BT.601, limited range (ITU-R BT.601-7, 2.5.3).
const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D planeY, planeU, planeV;
in vec2 at;
out vec4 colour;
void main() {
  float y = 1.164384 * (texture(planeY, at).r - 0.062745);
  float u = texture(planeU, at).r - 0.501961;
  float v = texture(planeV, at).r - 0.501961;
  colour = vec4(y + 1.596027 * v, y - 0.391762 * u - 0.812968 * v, y + 2.017232 * u, 1.0);
}`;

class GlRenderer implements Renderer {
  #ready = false;
  #textures: WebGLTexture[] = [];
  #size = '';
  #place: WebGLUniformLocation | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGL2RenderingContext,
  ) {
    canvas.addEventListener('webglcontextlost', this.#onLost);
    canvas.addEventListener('webglcontextrestored', this.#onRestored);
    this.#setUp();
  }

  draw(picture: Picture, how: { fit: Fit; mirror: boolean }): boolean {
    if (!this.#ready) return false;
    const { gl, canvas } = this;
    this.#upload(picture);
    const [x, y] = fitInside(picture, canvas, how.fit);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4f(this.#place, x, y, how.mirror ? -1 : 1, 0);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    return true;
  }

  dispose(): void {
    this.canvas.removeEventListener('webglcontextlost', this.#onLost);
    this.canvas.removeEventListener('webglcontextrestored', this.#onRestored);
    // Contexts are few; without this the browser takes away the oldest, which may be in view.
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  #onLost = (event: Event) => {
    event.preventDefault();
    this.#ready = false;
  };

  #onRestored = () => this.#setUp();

  #setUp(): void {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ] as const) {
      const shader = gl.createShader(type);
      if (shader === null) return;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return;
    gl.useProgram(program);
    gl.clearColor(0, 0, 0, 1);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#size = '';
    this.#place = gl.getUniformLocation(program, 'place');
    this.#textures = ['planeY', 'planeU', 'planeV'].map((name, unit) => {
      const texture = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T])
        gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
        gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
      return texture;
    });
    this.#ready = true;
  }

  #upload({ width, height, y, u, v }: Picture): void {
    const { gl } = this;
    const fresh = this.#size !== `${width}x${height}`;
    this.#size = `${width}x${height}`;
    [y, u, v].forEach((plane, unit) => {
      const [w, h] = unit === 0 ? [width, height] : [width / 2, height / 2];
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, this.#textures[unit]!);
      if (fresh) gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, w, h, 0, gl.RED, gl.UNSIGNED_BYTE, plane);
      else gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, w, h, gl.RED, gl.UNSIGNED_BYTE, plane);
    });
  }
}

/** The slow way, for machines without WebGL2: converts on the CPU at the picture's size. */
class PlainRenderer implements Renderer {
  #context: CanvasRenderingContext2D | null;
  #scratch = document.createElement('canvas');

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.#context = canvas.getContext('2d', { alpha: false });
  }

  draw(picture: Picture, how: { fit: Fit; mirror: boolean }): boolean {
    const into = this.#scratch.getContext('2d');
    if (into === null || this.#context === null) return false;
    const { width, height } = picture;
    if (this.#scratch.width !== width || this.#scratch.height !== height)
      Object.assign(this.#scratch, { width, height });
    const image = into.createImageData(width, height);
    toRgba(picture, image.data);
    into.putImageData(image, 0, 0);
    const { canvas } = this;
    const [x, y] = fitInside(picture, canvas, how.fit);
    this.#context.setTransform(how.mirror ? -1 : 1, 0, 0, 1, canvas.width / 2, canvas.height / 2);
    this.#context.fillRect(-canvas.width, -canvas.height, 2 * canvas.width, 2 * canvas.height);
    this.#context.drawImage(
      this.#scratch,
      (-canvas.width * x) / 2,
      (-canvas.height * y) / 2,
      canvas.width * x,
      canvas.height * y,
    );
    return true;
  }

  dispose(): void {
    this.#context = null;
  }
}

/** BT.601 limited range to RGBA; `out` holds width x height x 4 bytes. */
export function toRgba({ width, height, y, u, v }: Picture, out: Uint8ClampedArray): void {
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const chroma = (row >> 1) * (width >> 1) + (column >> 1);
      const luma = 1.164384 * (y[row * width + column]! - 16);
      const [cb, cr] = [u[chroma]! - 128, v[chroma]! - 128];
      out[to++] = luma + 1.596027 * cr;
      out[to++] = luma - 0.391762 * cb - 0.812968 * cr;
      out[to++] = luma + 2.017232 * cb;
      out[to++] = 255;
    }
  }
}
