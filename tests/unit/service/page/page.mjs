// A module of the page by its path there.

const folder = new URL("../../../../src/cellwright/service/page/", import.meta.url);

export const page = (path) => import(new URL(path, folder));
