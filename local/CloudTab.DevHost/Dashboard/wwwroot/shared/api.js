/** A refusal of the server's, in its own words. */
class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const get = async (path, query, signal) => (await send(url(path, query), { signal })).json();

export const post = (path, signal) => send(path, { method: "POST", signal });

/** Absent and empty parameters are left out; an array is repeated. */
export function url(path, query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    [value]
      .flat()
      .filter(one => one !== null && one !== undefined && one !== "" && one !== false)
      .forEach(one => parameters.append(name, one));
  return parameters.size > 0 ? `${path}?${parameters}` : path;
}

async function send(address, options) {
  const response = await fetch(address, options);
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new ApiError(response.status, problem.detail ?? problem.title ?? `The dashboard's server answered ${response.status}.`);
  }
  return response;
}
