// Requests to the service. A refusal becomes an Error with the sentence it came with.

const API = "api/v1/";
let token = sessionStorage.getItem("token") || "";

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export function signIn(value) {
  token = value.trim();
  sessionStorage.setItem("token", token);
}

async function ask(path, options = {}) {
  const headers = { ...(options.headers || {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(API + path, { ...options, headers });
  } catch {
    throw new Refused(0, "The service does not answer; check that it runs, then try again.");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.detail || `The service answered ${answer.status}.`);
}

export async function json(path, options) {
  return (await ask(path, options)).json();
}

export async function blob(path) {
  return (await ask(path)).blob();
}

export function put(path, value) {
  const headers = { "Content-Type": "application/json" };
  return json(path, { method: "PUT", headers, body: JSON.stringify(value) });
}

// With XMLHttpRequest, because fetch does not tell how much has been sent.
export function upload(path, form, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", API + path);
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onerror = () => reject(new Refused(0, "The upload broke off; start it again."));
    request.onload = () => {
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = {};
      }
      if (request.status < 300) resolve(body);
      else reject(new Refused(request.status, body.detail || `Refused (${request.status}).`));
    };
    request.send(form);
  });
}
