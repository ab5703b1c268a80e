using System.Net;
using System.Net.Http.Headers;

namespace CloudTab.Services.Tests;

/// <summary>The ways in which a customer's file can come into a session.</summary>
public enum Way
{
    Form,
    Tus,
    TusInPieces,
    Ietf,
    IetfInPieces,
    Direct,
    DirectInParts,
}

/// <summary>
/// Sends a file by one of the protocols, and knows how that protocol reports success and refusal. Rules that hold for every protocol are
/// tested through this; headers and statuses of a protocol are tested in its own files.
/// </summary>
internal abstract class UploadClient(HttpClient http, string prefix)
{
    protected HttpClient Http => http;

    public string Prefix => prefix;

    /// <summary>Whether an upload also submits its session.</summary>
    public virtual bool SubmitsSession => false;

    /// <param name="prefix">Selects the shop: comes before each path.</param>
    public static UploadClient Of(Way way, HttpClient http, string prefix = "") => way switch
    {
        Way.Form => new FormUploadClient(http, prefix),
        Way.Tus or Way.TusInPieces or Way.Ietf or Way.IetfInPieces => ResumableClient.Of(way, http, prefix),
        _ => new DirectUploadClient(http, prefix, inParts: way == Way.DirectInParts),
    };

    /// <summary>Sends a file in as many requests as that takes.</summary>
    /// <returns>The last answer, or the first one that is a refusal.</returns>
    public abstract Task<HttpResponseMessage> SendAsync(string sessionId, Sample file, string? declaredType = null);

    /// <summary>Sends a file that is accepted.</summary>
    public async Task SentAsync(string sessionId, Sample file)
    {
        using var answer = await SendAsync(sessionId, file);
        await IsStoredAsync(answer, sessionId, file);
    }

    /// <summary>Sends a file that is refused.</summary>
    public async Task RefusedAsync(string sessionId, Sample file, HttpStatusCode status, string code)
    {
        using var answer = await SendAsync(sessionId, file);
        await IsRefusedAsync(answer, status, code);
    }

    /// <summary>Asserts that the last answer to an upload says what was stored.</summary>
    public virtual async Task IsStoredAsync(HttpResponseMessage answer, string sessionId, Sample file)
    {
        Assert.True(HttpStatusCode.OK == answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
        var body = await answer.JsonAsync();
        Assert.Equal(sessionId, body.Text("sessionId"));
        var stored = Assert.Single(body.GetProperty("files").EnumerateArray());
        Assert.Equal((file.Name, file.Content.Length, file.Sha256), (stored.Text("originalName"), stored.GetProperty("size").GetInt32(), stored.Text("sha256")));
    }

    /// <summary>Asserts that an answer refuses an upload for good.</summary>
    public virtual Task IsRefusedAsync(HttpResponseMessage answer, HttpStatusCode status, string code) => answer.IsProblemAsync(status, code);
}

/// <summary>Multipart form.</summary>
internal sealed class FormUploadClient(HttpClient http, string prefix) : UploadClient(http, prefix)
{
    public override bool SubmitsSession => true;

    public override async Task<HttpResponseMessage> SendAsync(string sessionId, Sample file, string? declaredType = null)
    {
        using var content = new ByteArrayContent(file.Content);
        content.Headers.ContentType = declaredType is null ? null : new MediaTypeHeaderValue(declaredType);
        using var form = new MultipartFormDataContent { { content, "files", file.Name } };
        return await Http.SendFormAsync(sessionId, form, Prefix);
    }
}

/// <summary>Direct upload: the bytes go to S3.</summary>
internal sealed class DirectUploadClient(HttpClient http, string prefix, bool inParts) : UploadClient(http, prefix)
{
    public override async Task<HttpResponseMessage> SendAsync(string sessionId, Sample file, string? declaredType = null)
    {
        var announced = DirectClient.Announce(file, inParts && file.Content.Length > 0);
        announced["type"] = declaredType;
        announced["sha256"] = file.Announced ?? file.Sha256;
        var begun = await Http.AnnounceAsync(sessionId, announced, Prefix);
        if (!begun.IsSuccessStatusCode)
            return begun;
        using (begun)
        {
            Assert.StartsWith($"{Prefix}/api/customer/uploads/", begun.Headers.Location!.ToString(), StringComparison.Ordinal);
            foreach (var part in (await begun.JsonAsync()).GetProperty("parts").EnumerateArray().Reverse())
                await part.SentPartAsync(file);
            return await Http.FinishAsync(new(begun.Headers.Location.ToString(), []));
        }
    }
}
