using Amazon.S3;
using Amazon.S3.Model;
using CloudTab.Testing;

namespace CloudTab.Services.Tests;

/// <summary>The Migrator on a bucket that gives away what it holds, in Ceph's RADOS Gateway: LocalS3 knows no ACLs, policies and versions.</summary>
public sealed class BucketPrivacyTests(Dependencies dependencies) : IAsyncLifetime
{
    private readonly string _bucket = $"b-{Guid.NewGuid():N}";
    private string _database = "";
    private RadosGateway? _gateway;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(RadosGateway.IsInstalled, "Ceph's RADOS Gateway is not installed (Debian: ceph-mon, ceph-osd, radosgw).");
        _database = await dependencies.CreateDatabaseAsync();
        _gateway = await RadosGateway.StartNewAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_gateway is null)
            return;
        await _gateway.DisposeAsync();
        await dependencies.DropDatabaseAsync(_database);
    }

    [Fact]
    public async Task A_bucket_that_anybody_can_read_is_refused_and_one_that_keeps_versions_is_warned_of()
    {
        using var s3 = _gateway!.Endpoint.CreateClient();
        var (code, output) = await MigrateAsync();
        Assert.True(code == 0, output);
        Assert.DoesNotContain("keeps versions", output, StringComparison.Ordinal);

        await s3.PutBucketVersioningAsync(new PutBucketVersioningRequest { BucketName = _bucket, VersioningConfig = new() { Status = VersionStatus.Enabled } }, Token);
        (code, output) = await MigrateAsync();
        Assert.True(code == 0, output);
        Assert.Contains($"Bucket {_bucket} keeps versions", output, StringComparison.Ordinal);

        await s3.PutBucketPolicyAsync(_bucket, $$"""{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{{_bucket}}/*"}]}""", Token);
        await IsRefusedAsync();

        await s3.DeleteBucketPolicyAsync(_bucket, Token);
        Assert.Equal(0, (await MigrateAsync()).Code);
        await s3.PutBucketAclAsync(new PutBucketAclRequest { BucketName = _bucket, ACL = S3CannedACL.PublicRead }, Token);
        await IsRefusedAsync();
    }

    private async Task IsRefusedAsync()
    {
        var (code, output) = await MigrateAsync();
        Assert.Equal(1, code);
        Assert.Contains($"The bucket {_bucket} is public", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Output)> MigrateAsync()
    {
        var environment = dependencies.EnvironmentFor(_database, _bucket);
        foreach (var (name, value) in ServiceSettings.For(_gateway!.Endpoint))
            environment[name] = value;
        await using var migrator = await ChildProcess.StartAsync("CloudTab.Migrator", environment, null, Token);
        return (await migrator.WaitForExitAsync(Token), migrator.Output);
    }
}
