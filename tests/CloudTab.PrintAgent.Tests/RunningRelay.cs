using System.Text;
using CloudTab.Client;
using CloudTab.Testing;

namespace CloudTab.PrintAgent.Tests;

/// <summary>The relay as real processes, and its customers.</summary>
public sealed class RunningRelay : IAsyncLifetime
{
    private RelayProcesses? _processes;
    private CloudTabClient? _client;

    public RelayProcesses Processes => _processes!;

    public Uri Origin => Processes.Origin;

    /// <summary>The shop's key.</summary>
    public string Key => Processes.Key;

    /// <summary>Customer and counter.</summary>
    public CloudTabClient Client => _client!;

    public async ValueTask InitializeAsync()
    {
        // Pages are counted also while the machine has other things to do.
        _processes = await RelayProcesses.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["PDF_TIME_LIMIT"] = "30000" }, Token);
        _client = new(new CloudTabClientOptions { Address = Origin, ApiKey = Key });
    }

    /// <summary>A customer sends files.</summary>
    /// <returns>The session's id.</returns>
    public async Task<CreatedSession> SendAsync(params IReadOnlyList<(string Name, byte[] Content, PrintOptionsChange? Options)> files)
    {
        var session = await Client.Customer.CreateSessionAsync(cancellationToken: Token);
        await Client.Customer.UploadAsync(
            session.SessionId, [.. files.Select(file => new FileToUpload(file.Name, new MemoryStream(file.Content)) { PrintOptions = file.Options })], cancellationToken: Token);
        return session;
    }

    /// <summary>Waits until the session is in this state.</summary>
    public Task EndsAsync(CreatedSession session, string status) =>
        Eventually.HoldsAsync(async () => await StatusAsync(session) == status, $"the session is {status}", TimeSpan.FromMinutes(1), Token);

    /// <summary>
    /// A key for another PC. It is revoked at the end, because agents of later tests would count its agent as one that is still there.
    /// </summary>
    public async Task<DeviceKey> CreateDeviceKeyAsync(string name)
    {
        var key = await Client.Shop.CreateKeyAsync(name, isDevice: true, Token);
        return new(key.Key, () => Client.Shop.RevokeKeyAsync(key.Id, CancellationToken.None));
    }

    /// <summary>A counter with a key of its own.</summary>
    public CloudTabClient ClientOf(DeviceKey key) => new(new CloudTabClientOptions { Address = Origin, ApiKey = key.Text });

    /// <summary>The session's state.</summary>
    public async Task<string> StatusAsync(CreatedSession session) => (await Client.Customer.GetSessionAsync(session.SessionId, Token)).Status;

    /// <summary>What the customer's answer says, as it is on the wire.</summary>
    public async Task<string> AnswerAsync(CreatedSession session)
    {
        using var http = new HttpClient { BaseAddress = Origin };
        return Encoding.UTF8.GetString(await http.GetByteArrayAsync($"/api/customer/sessions/{session.SessionId}/status", Token));
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_processes is not null)
            await _processes.DisposeAsync();
    }
}

/// <summary>A device's key, until it is disposed of.</summary>
public sealed class DeviceKey(string text, Func<Task> revoke) : IAsyncDisposable
{
    public string Text => text;

    /// <summary>From now on it opens nothing.</summary>
    public Task RevokeAsync() => revoke();

    public async ValueTask DisposeAsync() => await revoke();
}

/// <summary>Tests with the whole relay run one after the other, because an agent prints whatever is in the shop's queue; beside them run tests that have none.</summary>
[CollectionDefinition(Name)]
public sealed class RelayCollection : ICollectionFixture<RunningRelay>
{
    public const string Name = "One relay";
}
