// Requests to the service. A refusal becomes an Error with the sentence it came with.

const API = "api/v1/";
const TRIES = 5;
let token = sessionStorage.getItem("token") || "";

export class Refused extends Error {
  /**
   * @param {number} status of HTTP; 0 where nothing answered.
   * @param {string} what
   * @param {string} [remedy]
   */
  constructor(status, what, remedy = "") {
    super(what);
    this.status = status;
    this.what = what;
    this.remedy = remedy;
  }
}

/**
 * Whether nothing answered, or a proxy in the place of a service that is away.
 * @param {unknown} error
 */
export function isSilence(error) {
  return error instanceof Refused && [0, 502, 503, 504].includes(error.status);
}

/** @param {string} value */
export function signIn(value) {
  token = value.trim();
  sessionStorage.setItem("token", token);
}

/** @returns {boolean} */
export function signedIn() {
  return Boolean(token);
}

/**
 * @param {string} path below the API's root.
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  for (let attempt = 1; ; attempt += 1) {
    const answer = await reach(path, { ...options, headers });
    if (answer.ok) return answer;
    const again = answer.status === 429 && !options.method && attempt < TRIES;
    if (!again) throw refused(answer.status, await answer.json().catch(() => ({})));
    await pause(1000 * (Number(answer.headers.get("Retry-After")) || attempt));
  }
}

function reach(path, options) {
  return heard(fetch(API + path, options));
}

/**
 * What comes over the line, which may break off at any byte.
 * @template Value
 * @param {Promise<Value>} coming
 * @returns {Promise<Value>}
 */
async function heard(coming) {
  try {
    return await coming;
  } catch (error) {
    if (/** @type {any} */ (error).name === "AbortError") throw error;
    throw new Refused(0, "the service does not answer", "check that it runs, then try again");
  }
}

function refused(status, { what, where, remedy }) {
  if (!what) return new Refused(status, `the service answered ${status}`, "try again");
  return new Refused(status, where ? `${where}: ${what}` : what, remedy);
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((done) => { setTimeout(done, ms); });
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function json(path, options) {
  const answer = await ask(path, options);
  return answer.status === 204 ? null : heard(answer.json());
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Blob>}
 */
export async function blob(path, options) {
  return heard((await ask(path, options)).blob());
}

/**
 * The same, with the tag of what came where the service gives one.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<{value: any, etag: string | null}>}
 */
export async function tagged(path, options) {
  const answer = await ask(path, options);
  return { value: await heard(answer.json()), etag: answer.headers.get("ETag") };
}

/**
 * @param {string} path
 * @param {unknown} value null takes away what is there.
 * @param {string | null} [etag] of what is there; refused (412) where that has changed since.
 */
export function put(path, value, etag = null) {
  const match = etag ? { "If-Match": etag } : {};
  if (value === null) return tagged(path, { method: "DELETE", headers: match });
  const headers = { "Content-Type": "application/json", ...match };
  return tagged(path, { method: "PUT", headers, body: JSON.stringify(value) });
}

/**
 * With XMLHttpRequest, because fetch does not tell how much has been sent.
 * @param {string} path
 * @param {FormData} form
 * @param {(sent: number, total: number) => void} progress
 * @returns {Promise<any>}
 */
export function upload(path, form, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", API + path);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onerror = () => reject(new Refused(0, "the upload broke off", "start it again"));
    request.onload = () => {
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = {};
      }
      if (request.status < 300) resolve(body);
      else reject(refused(request.status, body));
    };
    request.send(form);
  });
}
