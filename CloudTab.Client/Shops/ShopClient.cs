using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;

namespace CloudTab.Client;

/// <summary>
/// What a shop's PC does. Wherever a session is named, its id or its pickup code will do. Every call can be repeated safely, and is, but for
/// <see cref="CreateKeyAsync"/>.
/// </summary>
/// <remarks>The calls, their refusals and codes: docs/protocol.md, "Shopkeeper".</remarks>
public sealed class ShopClient
{
    private const string Sessions = "/api/shopkeeper/sessions/";
    private const string Files = "/api/shopkeeper/files/";

    private readonly Calls _calls;

    internal ShopClient(Calls calls) => _calls = calls;

    /// <summary>A page of the pending sessions, newest first.</summary>
    /// <param name="limit">Most sessions on the page; null: as many as the relay likes.</param>
    /// <param name="after"><see cref="PendingPage.Next"/> of the page before; null for the first.</param>
    public Task<PendingPage> GetPendingPageAsync(int? limit = null, string? after = null, CancellationToken cancellationToken = default)
    {
        string?[] query = [limit is { } most ? FormattableString.Invariant($"limit={most}") : null, after is null ? null : $"after={Uri.EscapeDataString(after)}"];
        return SendAsync(HttpMethod.Get, $"{Sessions}pending?{string.Join('&', query.OfType<string>())}", JsonContext.Default.PendingPage, cancellationToken);
    }

    /// <summary>All pending sessions, newest first, page by page.</summary>
    public async IAsyncEnumerable<PendingSession> GetPendingAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (string? after = null; ;)
        {
            var page = await GetPendingPageAsync(after: after, cancellationToken: cancellationToken).ConfigureAwait(false);
            foreach (var session in page.Sessions)
                yield return session;
            if (page.Next is null)
                yield break;
            after = page.Next;
        }
    }

    /// <summary>What the shop's counters have claimed, oldest first, 500 at most.</summary>
    public async Task<IReadOnlyList<ProcessingSession>> GetProcessingAsync(CancellationToken cancellationToken = default) =>
        (await SendAsync(HttpMethod.Get, $"{Sessions}processing", JsonContext.Default.ProcessingAnswer, cancellationToken).ConfigureAwait(false)).Sessions;

    /// <summary>One session with its files.</summary>
    /// <exception cref="CloudTabException">404 `session_not_found`.</exception>
    public Task<SessionDetails> GetSessionAsync(string session, CancellationToken cancellationToken = default) =>
        SendSessionAsync(HttpMethod.Get, session, "", cancellationToken);

    /// <summary>
    /// Claims a session for this key: no other counter can. The claim lapses unless it is renewed, by claiming again, or by a download;
    /// <see cref="SessionDetails.ExpiresAt"/> is not its end.
    /// </summary>
    /// <exception cref="CloudTabException">409 `already_claimed`, `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public Task<SessionDetails> ClaimAsync(string session, CancellationToken cancellationToken = default) =>
        SendSessionAsync(HttpMethod.Post, session, "/claim", cancellationToken);

    /// <summary>Renews a claim that this key has. Files that came in since are not taken as seen: completing leaves them in the queue.</summary>
    /// <exception cref="CloudTabException">409 `not_claimed`, `already_claimed`, `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public Task<SessionDetails> RenewAsync(string session, CancellationToken cancellationToken = default) =>
        SendSessionAsync(HttpMethod.Post, session, "/claim?renew=true", cancellationToken);

    /// <summary>Gives a claimed session back to the queue.</summary>
    /// <exception cref="CloudTabException">409 `already_claimed`, `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public Task ReleaseAsync(string session, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Post, PathOf(session, "/release"), cancellationToken);

    /// <summary>
    /// Gives a claimed session back to the queue, for a reason. So can any key of the shop while a file is at a printer, if the program that
    /// prints does not answer any more, say: what became of its attempts is unknown then.
    /// </summary>
    /// <param name="reason">1 to 200 characters.</param>
    /// <exception cref="CloudTabException">409 `already_claimed`, `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public async Task ReleaseAsync(string session, string reason, CancellationToken cancellationToken = default)
    {
        using var answer = await _calls.SendAsync(
            () => Request(HttpMethod.Post, PathOf(session, "/release"), Calls.Json(new ReleaseReason(reason), JsonContext.Default.ReleaseReason)),
            canRepeat: true,
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Completes a claimed session. Its files are deleted at once.</summary>
    /// <exception cref="CloudTabException">409 `not_claimed`, `already_claimed`, `still_printing`, `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public Task CompleteAsync(string session, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Post, PathOf(session, "/complete"), cancellationToken);

    /// <summary>Marks a session as paid, for what it costs now.</summary>
    /// <exception cref="CloudTabException">409 `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public Task<SessionDetails> MarkPaidAsync(string session, CancellationToken cancellationToken = default) =>
        SendSessionAsync(HttpMethod.Post, session, "/paid", cancellationToken);

    /// <summary>Marks a session as paid, if it still costs what the shopkeeper was shown. Otherwise nothing is marked.</summary>
    /// <param name="amount">What all of it costs, in the smallest unit of the currency (paise, cents), of a price that is complete.</param>
    /// <exception cref="CloudTabException">409 `price_changed`, `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public async Task<SessionDetails> MarkPaidAsync(string session, long amount, CancellationToken cancellationToken = default)
    {
        var answer = await _calls.SendAsync(
            () => Request(HttpMethod.Post, PathOf(session, "/paid"), Calls.Json(new Payment(amount), JsonContext.Default.Payment)),
            JsonContext.Default.SessionAnswer,
            canRepeat: true,
            cancellationToken).ConfigureAwait(false);
        return answer.Session;
    }

    /// <summary>Marks a session as not paid.</summary>
    /// <exception cref="CloudTabException">409 `session_closed`, `not_submitted`; 404 `session_not_found`.</exception>
    public Task<SessionDetails> MarkUnpaidAsync(string session, CancellationToken cancellationToken = default) =>
        SendSessionAsync(HttpMethod.Delete, session, "/paid", cancellationToken);

    /// <summary>
    /// Downloads a file, and renews the claim of its session. A download that breaks goes on where it broke, for as long as it moves. It is
    /// done when all bytes are there and their SHA-256 is the file's; until then nothing that was written may be used.
    /// </summary>
    /// <param name="file">The file, from a session's details.</param>
    /// <param name="destination">Gets the bytes in order. It need not be seekable, and is neither flushed nor closed.</param>
    /// <param name="progress">Told the bytes that have come so far.</param>
    /// <exception cref="CloudTabException">410 `file_deleted`, 403 `file_infected`, 404 `file_not_found`.</exception>
    /// <exception cref="InvalidDataException">All bytes came, and they are not the file's.</exception>
    public Task DownloadAsync(FileDetails file, Stream destination, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(destination);
        return new Download(_calls, FileOf(file.Id, "/download"), file.Size, file.Sha256, destination, progress).RunAsync(cancellationToken);
    }

    /// <summary>A link to a file's bytes, for somebody who has no key.</summary>
    /// <exception cref="CloudTabException">410 `file_deleted`, 403 `file_infected`, 404 `file_not_found`.</exception>
    public async Task<FileLink> GetLinkAsync(Guid file, CancellationToken cancellationToken = default)
    {
        var answer = await _calls.SendAsync(AskForJson, JsonContext.Default.FileLinkAnswer, canRepeat: true, cancellationToken).ConfigureAwait(false);
        return answer.File;

        HttpRequestMessage AskForJson()
        {
            var request = Request(HttpMethod.Get, FileOf(file, "/download"));
            request.Headers.Accept.Add(new("application/json"));
            return request;
        }
    }

    /// <summary>
    /// Reports an attempt to print a file. The same report again changes nothing. Send those of an attempt in their order, and
    /// <see cref="PrintStates.Sent"/> before the printer gets a byte: from then on the claim does not lapse.
    /// </summary>
    /// <returns>The attempt as it is known then. A report that is older than that has changed nothing.</returns>
    /// <exception cref="CloudTabException">
    /// 409 `already_printed` (a new attempt needs <see cref="PrintReport.Again"/>), `still_printing`, `too_many_prints`, `not_claimed`,
    /// `already_claimed`, `session_closed`; 410 `file_deleted`; 404 `file_not_found`; 400 `invalid_request`, `invalid_print_options`.
    /// </exception>
    public async Task<Print> ReportPrintAsync(Guid file, PrintReport report, CancellationToken cancellationToken = default)
    {
        var answer = await _calls.SendAsync(
            () => Request(HttpMethod.Post, FileOf(file, "/prints"), Calls.Json(report, JsonContext.Default.PrintReport)),
            JsonContext.Default.PrintAnswer,
            canRepeat: true,
            cancellationToken).ConfigureAwait(false);
        return answer.Print;
    }

    /// <summary>The attempts to print a file, oldest first.</summary>
    /// <exception cref="CloudTabException">404 `file_not_found`.</exception>
    public async Task<IReadOnlyList<Print>> GetPrintsAsync(Guid file, CancellationToken cancellationToken = default) =>
        (await SendAsync(HttpMethod.Get, FileOf(file, "/prints"), JsonContext.Default.PrintsAnswer, cancellationToken).ConfigureAwait(false)).Prints;

    /// <summary>A print agent's sign of life.</summary>
    /// <exception cref="CloudTabException">400 `invalid_request`.</exception>
    public async Task ReportAgentAsync(AgentReport report, CancellationToken cancellationToken = default)
    {
        using var answer = await _calls.SendAsync(
            () => Request(HttpMethod.Put, "/api/shopkeeper/agent", Calls.Json(report, JsonContext.Default.AgentReport)), canRepeat: true, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The shop's print agents and their printers, by the names of their keys.</summary>
    public async Task<IReadOnlyList<Agent>> GetAgentsAsync(CancellationToken cancellationToken = default) =>
        (await SendAsync(HttpMethod.Get, "/api/shopkeeper/agents", JsonContext.Default.AgentsAnswer, cancellationToken).ConfigureAwait(false)).Agents;

    /// <summary>A ticket with which a page opens a socket without knowing the key.</summary>
    public async Task<SocketTicket> CreateTicketAsync(CancellationToken cancellationToken = default)
    {
        var answer = await SendAsync(HttpMethod.Post, "/api/shopkeeper/ticket", JsonContext.Default.TicketAnswer, cancellationToken).ConfigureAwait(false);
        return new(answer.Ticket, TimeSpan.FromSeconds(answer.ExpiresIn));
    }

    /// <summary>The shop's keys, oldest first, also those that were revoked.</summary>
    public async Task<IReadOnlyList<ShopKey>> GetKeysAsync(CancellationToken cancellationToken = default) =>
        (await SendAsync(HttpMethod.Get, "/api/shopkeeper/keys", JsonContext.Default.KeysAnswer, cancellationToken).ConfigureAwait(false)).Keys;

    /// <summary>Makes another key of the shop. It is not repeated: there could be two.</summary>
    /// <param name="isDevice">Whether it is for a print agent, and opens only what that needs.</param>
    /// <exception cref="CloudTabException">409 `too_many_keys`; 400 `invalid_request`.</exception>
    public Task<NewShopKey> CreateKeyAsync(string name, bool isDevice = false, CancellationToken cancellationToken = default) => _calls.SendAsync(
        () => Request(HttpMethod.Post, "/api/shopkeeper/keys", Calls.Json(new NewKey(name, isDevice), JsonContext.Default.NewKey)),
        JsonContext.Default.NewShopKey,
        canRepeat: false,
        cancellationToken);

    /// <summary>Revokes a key: from now on it opens nothing.</summary>
    /// <exception cref="CloudTabException">409 `last_key`; 404 `key_not_found`.</exception>
    public Task RevokeKeyAsync(Guid key, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Delete, $"/api/shopkeeper/keys/{key}", cancellationToken);

    /// <summary>What the shop says of itself.</summary>
    public Task<ShopSettings> GetSettingsAsync(CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Get, "/api/shopkeeper/shop", JsonContext.Default.ShopSettings, cancellationToken);

    /// <summary>Changes the shop's name, or opens and closes it for uploads.</summary>
    /// <exception cref="CloudTabException">400 `invalid_request`.</exception>
    public Task<ShopSettings> ChangeSettingsAsync(ShopChange change, CancellationToken cancellationToken = default) => _calls.SendAsync(
        () => Request(HttpMethod.Patch, "/api/shopkeeper/shop", Calls.Json(change, JsonContext.Default.ShopChange)),
        JsonContext.Default.ShopSettings,
        canRepeat: true,
        cancellationToken);

    /// <summary>What the shop prints, and for how much.</summary>
    public async Task<Offer> GetOfferAsync(CancellationToken cancellationToken = default) =>
        (await SendAsync(HttpMethod.Get, "/api/shopkeeper/offer", JsonContext.Default.OfferAnswer, cancellationToken).ConfigureAwait(false)).Offer;

    /// <summary>Replaces what the shop prints, and for how much.</summary>
    /// <exception cref="CloudTabException">400 `invalid_offer`.</exception>
    public async Task<Offer> SetOfferAsync(Offer offer, CancellationToken cancellationToken = default)
    {
        var answer = await _calls.SendAsync(
            () => Request(HttpMethod.Put, "/api/shopkeeper/offer", Calls.Json(offer, JsonContext.Default.Offer)),
            JsonContext.Default.OfferAnswer,
            canRepeat: true,
            cancellationToken).ConfigureAwait(false);
        return answer.Offer;
    }

    /// <summary>
    /// What happens to the shop's sessions, from now on and for as long as it is read. The socket is opened again whenever it closes, after a
    /// pause. All pending sessions come first, and again after each new connection: what happened in between is in them, so nothing is
    /// missed. An event may come twice. A reader that is slow is waited for.
    /// </summary>
    /// <exception cref="CloudTabException">401 `api_key_invalid`: the key is wrong, or was revoked, or the shop suspended.</exception>
    public IAsyncEnumerable<ShopEvent> ListenAsync(CancellationToken cancellationToken = default) =>
        ShopSocket.ListenAsync(_calls, GetPendingAsync, cancellationToken);

    private static string PathOf(string session, string call)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(session);
        return $"{Sessions}{Uri.EscapeDataString(session)}{call}";
    }

    private static string FileOf(Guid file, string call) => $"{Files}{file}{call}";

    private HttpRequestMessage Request(HttpMethod method, string path, HttpContent? content = null) => _calls.Request(method, path, content, isShop: true);

    private Task<T> SendAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        _calls.SendAsync(() => Request(method, path), type, canRepeat: true, cancellationToken);

    private async Task SendAsync(HttpMethod method, string path, CancellationToken cancellationToken)
    {
        using var answer = await _calls.SendAsync(() => Request(method, path), canRepeat: true, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SessionDetails> SendSessionAsync(HttpMethod method, string session, string call, CancellationToken cancellationToken) =>
        (await SendAsync(method, PathOf(session, call), JsonContext.Default.SessionAnswer, cancellationToken).ConfigureAwait(false)).Session;
}
