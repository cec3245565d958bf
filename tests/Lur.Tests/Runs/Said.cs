using Lur.Runs;

namespace Lur.Tests.Runs;

/// <summary>Keeps everything a run says.</summary>
internal sealed class Said : IProgress<RunEvent>
{
    public List<RunEvent> Events { get; } = [];

    public List<string> Texts { get; } = [];

    public void Report(RunEvent value)
    {
        Events.Add(value);
        if (value is RunNote note)
            Texts.Add(note.Text);
    }
}
