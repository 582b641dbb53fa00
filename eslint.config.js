// tsc knows what is defined, and where: the scripts share one global scope.
const js = require("@eslint/js");

module.exports = [
  { ignores: ["memscope/page/web/vendor/**"] },
  {
    ...js.configs.recommended,
    files: ["memscope/page/web/**/*.js"],
    languageOptions: { sourceType: "script", ecmaVersion: 2023 },
    rules: {
      ...js.configs.recommended.rules,
      "no-undef": "off",
      "no-unused-vars": ["error", { vars: "local" }],
      "no-redeclare": "off",
      "prefer-const": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "write", "cssText"].map((property) => ({
          property,
          message: "data is never parsed as markup: see dom.js",
        })),
      ],
    },
  },
];
