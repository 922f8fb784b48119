const TEXT = "one";
require("http").createServer((_, answer) => answer.end(TEXT)).listen(process.env.PORT, "127.0.0.1");
