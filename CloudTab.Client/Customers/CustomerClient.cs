namespace CloudTab.Client;

/// <summary>What a customer does with one shop: open a session, send files, watch them, withdraw them.</summary>
/// <remarks>The calls, their refusals and codes: docs/protocol.md, "Customer", and docs/tus.md.</remarks>
public sealed class CustomerClient
{
    private readonly Calls _calls;
    private readonly string _prefix;

    internal CustomerClient(Calls calls, string? shop)
    {
        _calls = calls;
        _prefix = shop is null ? "/api/customer" : $"/s/{Uri.EscapeDataString(shop)}/api/customer";
    }

    /// <summary>Whether the shop takes files now, what it prints, and what it accepts.</summary>
    /// <exception cref="CloudTabException">404 `shop_not_found`.</exception>
    public Task<ShopStatus> GetShopAsync(CancellationToken cancellationToken = default) => _calls.SendAsync(
        () => _calls.Request(HttpMethod.Get, $"{_prefix}/shopkeeper/status"), JsonContext.Default.ShopStatus, canRepeat: true, cancellationToken);

    /// <summary>Opens a session. It is not repeated: there could be two.</summary>
    /// <exception cref="CloudTabException">404 `shop_not_found`; 409 `shop_closed`; 400 `invalid_print_options`, `invalid_request`; 429 `too_many_requests`.</exception>
    public Task<CreatedSession> CreateSessionAsync(NewSession? session = null, CancellationToken cancellationToken = default) => _calls.SendAsync(
        () => _calls.Request(HttpMethod.Post, $"{_prefix}/sessions/create", Calls.Json(session ?? new NewSession(), JsonContext.Default.NewSession)),
        JsonContext.Default.CreatedSession,
        canRepeat: false,
        cancellationToken);

    /// <summary>
    /// Sends files in one form, and submits the session. All of them are stored, or none. It is not repeated: for networks that break there
    /// is <see cref="UploadResumablyAsync"/>.
    /// </summary>
    /// <param name="progress">Told the bytes of files that have been sent so far.</param>
    /// <returns>What was stored, in the order of the files.</returns>
    /// <exception cref="CloudTabException">
    /// 415 `type_not_accepted`; 413 `file_too_large`, `too_many_files`, `session_too_large`; 410 `session_closed`; 507 `shop_full`; and others.
    /// </exception>
    public async Task<IReadOnlyList<UploadedFile>> UploadAsync(
        string sessionId, IEnumerable<FileToUpload> files, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        using var silence = new TimeLimit(ResumableUpload.LongestSilence, _calls.Clock, cancellationToken);
        using var form = new MultipartFormDataContent();
        var sent = 0L;
        var hasOptions = false;
        foreach (var file in files)
        {
            // They hold for the files behind them: a file without any gets those of the session again.
            if (file.PrintOptions is not null || hasOptions)
                form.Add(new StringContent((file.PrintOptions ?? new()).ToJson()), "printOptions");
            hasOptions = file.PrintOptions is not null;
            form.Add(new StreamedContent(file.Content, count: null, Moved), "files", file.Name);
        }

        using var answer = await ResumableUpload.TransferAsync(_calls, _calls.Request(HttpMethod.Post, SessionOf(sessionId, "/upload"), form), silence).ConfigureAwait(false);
        return Calls.Read(await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false), JsonContext.Default.UploadAnswer).Files;

        void Moved(int count)
        {
            silence.Restart();
            sent += count;
            progress?.Report(sent);
        }
    }

    /// <summary>
    /// Sends a file by tus, over as many connections as that takes, and goes on where it broke for as long as it moves. The session is not
    /// submitted by it: <see cref="SubmitAsync"/> says that all files are there.
    /// </summary>
    /// <param name="file">Its content is sent from position 0, and must be seekable.</param>
    /// <param name="progress">Told the bytes that have been sent so far; fewer than before when some must be sent again.</param>
    /// <exception cref="CloudTabException">
    /// 415 `type_not_accepted`; 413 `file_too_large`, `too_many_files`, `session_too_large`; 410 `session_closed`, `upload_gone`; 460
    /// `checksum_mismatch`; 507 `shop_full`; and others.
    /// </exception>
    public async Task UploadResumablyAsync(string sessionId, FileToUpload file, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        var upload = await BeginUploadAsync(sessionId, file, cancellationToken).ConfigureAwait(false);
        await ContinueUploadAsync(upload, file.Content, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Begins a resumable upload, and sends no byte of it.</summary>
    /// <returns>Its address, by which <see cref="ContinueUploadAsync"/> goes on, even after the program was started again. It is a secret, as the session id.</returns>
    /// <exception cref="CloudTabException">As <see cref="UploadResumablyAsync"/>.</exception>
    public Task<Uri> BeginUploadAsync(string sessionId, FileToUpload file, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        MustSeek(file.Content, nameof(file));
        return ResumableUpload.BeginAsync(_calls, SessionOf(sessionId, "/files"), file, cancellationToken);
    }

    /// <summary>Sends what is missing of a resumable upload.</summary>
    /// <param name="upload">The address that <see cref="BeginUploadAsync"/> returned.</param>
    /// <param name="content">The whole file, from its first byte at position 0; seekable.</param>
    /// <param name="progress">Told the bytes that have been sent so far; fewer than before when some must be sent again.</param>
    /// <exception cref="CloudTabException">As <see cref="UploadResumablyAsync"/>.</exception>
    public Task ContinueUploadAsync(Uri upload, Stream content, IProgress<long>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(upload);
        ArgumentNullException.ThrowIfNull(content);
        MustSeek(content, nameof(content));
        return new ResumableUpload(_calls, upload, content, progress).RunAsync(cancellationToken);
    }

    /// <summary>The session and its files.</summary>
    /// <exception cref="CloudTabException">404 `session_not_found`.</exception>
    public async Task<CustomerSession> GetSessionAsync(string sessionId, CancellationToken cancellationToken = default)
    {
        var answer = await _calls.SendAsync(
            () => _calls.Request(HttpMethod.Get, SessionOf(sessionId, "/status")), JsonContext.Default.StatusAnswer, canRepeat: true, cancellationToken).ConfigureAwait(false);
        return answer.Session;
    }

    /// <summary>Tells the shop that all files are there.</summary>
    /// <exception cref="CloudTabException">400 `no_files`; 404 `session_not_found`; 410 `session_closed`.</exception>
    public Task SubmitAsync(string sessionId, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Post, SessionOf(sessionId, "/submit"), cancellationToken);

    /// <summary>Withdraws a session: its files are deleted at once, and the shop is told.</summary>
    /// <exception cref="CloudTabException">404 `session_not_found`; 410 `session_closed`.</exception>
    public Task WithdrawAsync(string sessionId, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Delete, SessionOf(sessionId, ""), cancellationToken);

    /// <summary>Removes a file, while the shop has not claimed the session.</summary>
    /// <exception cref="CloudTabException">404 `session_not_found`, `file_not_found`; 409 `already_claimed`; 410.</exception>
    public Task RemoveFileAsync(string sessionId, Guid file, CancellationToken cancellationToken = default) =>
        SendAsync(HttpMethod.Delete, SessionOf(sessionId, $"/files/{file}"), cancellationToken);

    /// <summary>Changes how a file is to be printed, while the shop has not claimed the session.</summary>
    /// <exception cref="CloudTabException">400 `invalid_print_options`; 404 `session_not_found`, `file_not_found`; 409 `already_claimed`; 410.</exception>
    public async Task<CustomerFile> ChangeOptionsAsync(string sessionId, Guid file, PrintOptionsChange change, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        var answer = await _calls.SendAsync(
            () => _calls.Request(HttpMethod.Patch, SessionOf(sessionId, $"/files/{file}"), Calls.Json(new FileChange(change), JsonContext.Default.FileChange)),
            JsonContext.Default.FileAnswer,
            canRepeat: true,
            cancellationToken).ConfigureAwait(false);
        return answer.File;
    }

    private static void MustSeek(Stream content, string argument)
    {
        if (!content.CanSeek)
            throw new ArgumentException("A resumable upload needs a stream that can seek: what is lost must be sent again.", argument);
    }

    private string SessionOf(string sessionId, string call)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(sessionId);
        return $"{_prefix}/sessions/{Uri.EscapeDataString(sessionId)}{call}";
    }

    private async Task SendAsync(HttpMethod method, string path, CancellationToken cancellationToken)
    {
        using var answer = await _calls.SendAsync(() => _calls.Request(method, path), canRepeat: true, cancellationToken).ConfigureAwait(false);
    }
}
