using CloudTab.LocalS3;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace CloudTab.Local.Tests;

/// <summary>Lifecycle rules, applied by a clock of the test's own.</summary>
public sealed class LifecycleTests : IDisposable
{
    private const string Rules = """
        <LifecycleConfiguration>
          <Rule><ID>a</ID><Filter><Prefix>files/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>
          <Rule><ID>b</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>
            <AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>
          <Rule><ID>c</ID><Filter><Prefix></Prefix></Filter><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>
        </LifecycleConfiguration>
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("cloudtab-lifecycle-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 15, 0, 0, TimeSpan.Zero));
    private readonly BucketStore _store;
    private readonly Bucket _bucket;

    public LifecycleTests()
    {
        _store = new BucketStore(Options.Create(new LocalS3Options { DataFolder = _folder }), _time, NullLogger<BucketStore>.Instance);
        Assert.True(_store.TryCreate("bucket"));
        _bucket = _store["bucket"];
        _bucket.Save(_bucket.Settings with { Lifecycle = Rules });
    }

    [Fact]
    public void Objects_expire_at_the_midnight_after_their_last_day()
    {
        Put("files/old");
        Put("other");
        Assert.Equal(new LifecycleResult(0, 0), Sweep());

        _time.SetUtcNow(new DateTimeOffset(2026, 11, 24, 23, 59, 59, TimeSpan.Zero));
        Put("files/new");
        Assert.Equal(new LifecycleResult(0, 0), Sweep());

        _time.SetUtcNow(new DateTimeOffset(2026, 11, 25, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(new LifecycleResult(1, 0), Sweep());
        Assert.Throws<S3Exception>(() => _bucket.Open("files/old"));
        _bucket.Open("files/new").Dispose();
        _bucket.Open("other").Dispose();
        Assert.Equal(new LifecycleResult(0, 0), Sweep());
    }

    [Fact]
    public void Unfinished_uploads_are_aborted()
    {
        var upload = Upload.Begin(_bucket, new ObjectMetadata("files/big", 0, "", _time.GetUtcNow(), []));
        _time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(new LifecycleResult(0, 0), Sweep());
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(new LifecycleResult(0, 1), Sweep());
        Assert.Empty(_bucket.Uploads);
        Assert.False(Directory.Exists(_bucket.UploadFolder(upload.Id)));
    }

    [Fact]
    public void A_rule_that_could_not_be_applied_is_refused()
    {
        var document = System.Xml.Linq.XElement.Parse("<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><Tag/></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>");
        Assert.Equal(S3Error.NotImplemented, Assert.Throws<S3Exception>(() => LifecycleRule.Parse(document)).Error);
    }

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private LifecycleResult Sweep()
    {
        using var sweep = new LifecycleSweep(_store, _time, NullLogger<LifecycleSweep>.Instance);
        return sweep.RunOnce(TestContext.Current.CancellationToken);
    }

    private void Put(string key)
    {
        var metadata = new ObjectMetadata(key, 0, "d41d8cd98f00b204e9800998ecf8427e", _time.GetUtcNow(), []);
        using var file = _bucket.NewFile(0);
        file.Seal(metadata);
        _bucket.Commit(file, metadata, new WriteCondition(null, null));
    }
}
