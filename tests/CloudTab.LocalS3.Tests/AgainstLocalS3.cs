using CloudTab.Testing;

namespace CloudTab.LocalS3.Tests;

/// <summary>One LocalS3 for all the behaviours that are tested against it.</summary>
public sealed class RunningLocalS3 : IAsyncLifetime
{
    private LocalS3Server? _server;

    public S3Endpoint Endpoint => _server!.Endpoint;

    public async ValueTask InitializeAsync() => _server = await LocalS3Server.StartNewAsync(TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}

[CollectionDefinition("LocalS3")]
public sealed class LocalS3Collection : ICollectionFixture<RunningLocalS3>;

[Collection("LocalS3")]
public sealed class LocalS3Objects(RunningLocalS3 running) : ObjectBehaviours(running.Endpoint);

[Collection("LocalS3")]
public sealed class LocalS3Multipart(RunningLocalS3 running) : MultipartBehaviours(running.Endpoint);

[Collection("LocalS3")]
public sealed class LocalS3Listing(RunningLocalS3 running) : ListingBehaviours(running.Endpoint);

[Collection("LocalS3")]
public sealed class LocalS3Buckets(RunningLocalS3 running) : BucketBehaviours(running.Endpoint);

[Collection("LocalS3")]
public sealed class LocalS3Signatures(RunningLocalS3 running) : SignatureBehaviours(running.Endpoint);
