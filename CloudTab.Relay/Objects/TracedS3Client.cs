using System.Diagnostics;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.S3;
using Amazon.S3.Model;

namespace CloudTab.Relay;

/// <summary>
/// A client of S3 whose calls are spans, each attempt one, named as in https://opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/
/// and object-stores/s3/. The SDK traces only through packages that not every registry carries; and the span of the HTTP request
/// below, which says less, is left out (ServiceDefaults' Telemetry).
/// </summary>
internal sealed class TracedS3Client : AmazonS3Client
{
    public TracedS3Client(AmazonS3Config config)
        : base(config)
    {
    }

    public TracedS3Client(AWSCredentials credentials, AmazonS3Config config)
        : base(credentials, config)
    {
    }

    protected override void CustomizeRuntimePipeline(RuntimePipeline pipeline)
    {
        base.CustomizeRuntimePipeline(pipeline);
        pipeline.AddHandler(new Tracing()); // outermost
    }

    private sealed class Tracing : PipelineHandler
    {
        public override async Task<T> InvokeAsync<T>(IExecutionContext executionContext)
        {
            using var call = Start(executionContext.RequestContext.OriginalRequest);
            try
            {
                var response = await base.InvokeAsync<T>(executionContext);
                Describe(call, response as AmazonWebServiceResponse);
                return response;
            }
            catch (Exception failure)
            {
                // Not the message: it may tell of more than happened.
                call?.SetTag("error.type", (failure as AmazonServiceException)?.ErrorCode ?? failure.GetType().FullName);
                call?.SetStatus(ActivityStatusCode.Error);
                throw;
            }
        }

        private static Activity? Start(AmazonWebServiceRequest request)
        {
            if (!RelayTelemetry.Source.HasListeners())
                return null;
            var operation = request.GetType().Name.Replace("Request", "", StringComparison.Ordinal);
            var call = RelayTelemetry.Source.StartActivity($"S3.{operation}", ActivityKind.Client);
            if (call is not { IsAllDataRequested: true })
                return call;
            call.SetTag("rpc.system", "aws-api");
            call.SetTag("rpc.service", "S3");
            call.SetTag("rpc.method", operation);
            // Keys are a day and a file's internal id. An upload's id is left out: with it and a key of the bucket anybody can end the upload.
            var (key, part) = request switch
            {
                PutObjectRequest put => (put.Key, null),
                GetObjectRequest get => (get.Key, null),
                GetObjectMetadataRequest head => (head.Key, null),
                DeleteObjectRequest delete => (delete.Key, null),
                InitiateMultipartUploadRequest begin => (begin.Key, null),
                UploadPartRequest sent => (sent.Key, sent.PartNumber),
                ListPartsRequest list => (list.Key, null),
                CompleteMultipartUploadRequest complete => (complete.Key, null),
                AbortMultipartUploadRequest abort => (abort.Key, null),
                _ => (null, (int?)null),
            };
            call.SetTag("aws.s3.key", key);
            call.SetTag("aws.s3.part_number", part);
            return call;
        }

        private static void Describe(Activity? call, AmazonWebServiceResponse? response)
        {
            if (call is not { IsAllDataRequested: true } || response is null)
                return;
            call.SetTag("http.response.status_code", (int)response.HttpStatusCode);
            call.SetTag("aws.request_id", response.ResponseMetadata?.RequestId);
        }
    }
}
