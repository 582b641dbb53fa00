// What the vendored scripts put into the global scope.
declare const d3: any;
declare const Plot: any;
