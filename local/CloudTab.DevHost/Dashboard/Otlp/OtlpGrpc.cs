using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace CloudTab.DevHost.Dashboard.Otlp;

/// <summary>OTLP over gRPC, for those who send that by default: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc.</summary>
internal sealed class OtlpGrpc(OtlpReceiver receiver)
{
    private ExportResponse Answer(ServerCallContext call, Func<OtlpReceiver, ExportResponse> receive) => receiver.Admits(call.RequestHeaders.GetValue(OtlpReceiver.KeyHeader))
        ? receive(receiver)
        : throw new RpcException(new Grpc.Core.Status(StatusCode.Unauthenticated, $"{OtlpReceiver.KeyHeader} is missing or wrong."));

    /// <summary>The services by the names that they have on the wire; three .proto files with a package each would say no more.</summary>
    internal sealed class Methods : IServiceMethodProvider<OtlpGrpc>
    {
        private static readonly Marshaller<ExportResponse> Response = Marshallers.Create(MessageExtensions.ToByteArray, ExportResponse.Parser.ParseFrom);

        public void OnServiceMethodDiscovery(ServiceMethodProviderContext<OtlpGrpc> context)
        {
            Add(context, "trace", "TraceService", ExportTraceServiceRequest.Parser, (receiver, request) => receiver.Receive(request));
            Add(context, "logs", "LogsService", ExportLogsServiceRequest.Parser, (receiver, request) => receiver.Receive(request));
            Add(context, "metrics", "MetricsService", ExportMetricsServiceRequest.Parser, (receiver, request) => receiver.Receive(request));
        }

        private static void Add<T>(
            ServiceMethodProviderContext<OtlpGrpc> context, string signal, string service, MessageParser<T> parser, Func<OtlpReceiver, T, ExportResponse> receive)
            where T : class, IMessage<T> => context.AddUnaryMethod(
                new Method<T, ExportResponse>(
                    MethodType.Unary, $"opentelemetry.proto.collector.{signal}.v1.{service}", "Export",
                    Marshallers.Create(MessageExtensions.ToByteArray, parser.ParseFrom), Response),
                metadata: [],
                (grpc, request, call) => Task.FromResult(grpc.Answer(call, receiver => receive(receiver, request))));
    }
}
