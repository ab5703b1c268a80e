using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Relay;
using CloudTab.Testing;
using Microsoft.Extensions.Configuration;

namespace CloudTab.Bench;

/// <summary>What sending to S3 costs with the SDK as it comes: one put up to a part, else equal parts one after the other.</summary>
internal sealed class S3Client(IConfiguration settings) : IDisposable
{
    private readonly byte[] _bytes = new byte[ObjectUpload.PartSize];
    private readonly AmazonS3Client _client =
        new S3Endpoint(new Uri(settings["AWS_ENDPOINT_URL_S3"]!), settings["AWS_ACCESS_KEY_ID"]!, settings["AWS_SECRET_ACCESS_KEY"]!).CreateClient();

    private string Bucket => settings["AWS_S3_BUCKET"]!;

    public async Task SendAsync(int size)
    {
        var key = $"limit/{Guid.NewGuid()}";
        if (size <= _bytes.Length)
        {
            await _client.PutObjectAsync(new() { BucketName = Bucket, Key = key, InputStream = Read(size) });
            return;
        }

        var begun = await _client.InitiateMultipartUploadAsync(Bucket, key);
        var parts = new List<PartETag>();
        for (var offset = 0; offset < size; offset += _bytes.Length)
        {
            var part = new UploadPartRequest
            {
                BucketName = Bucket,
                Key = key,
                UploadId = begun.UploadId,
                PartNumber = parts.Count + 1,
                InputStream = Read(Math.Min(_bytes.Length, size - offset)),
            };
            parts.Add(new(part.PartNumber.Value, (await _client.UploadPartAsync(part)).ETag));
        }

        await _client.CompleteMultipartUploadAsync(new() { BucketName = Bucket, Key = key, UploadId = begun.UploadId, PartETags = parts });
    }

    public void Dispose() => _client.Dispose();

    private MemoryStream Read(int count) => new(_bytes, 0, count, writable: false);
}
