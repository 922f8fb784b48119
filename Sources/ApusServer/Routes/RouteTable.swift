/// Everything that can be asked over HTTP, but for `/healthz`.
enum RouteTable {
  static let all: [Route] = SessionRoutes.all + ContentRoutes.all + TogetherRoutes.all + CareRoutes.all
}
