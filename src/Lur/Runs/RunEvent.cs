namespace Lur.Runs;

/// <summary>Something a run says while it goes on. Events come from the thread of the run, in their order; whoever shows them
/// decides how.</summary>
public abstract record RunEvent;

/// <summary>A sentence on the side.</summary>
/// <param name="Text">The sentence, without a full stop.</param>
public sealed record RunNote(string Text) : RunEvent;

/// <summary>Something a person should look at; the run goes on.</summary>
/// <param name="Text">The sentence.</param>
public sealed record RunWarning(string Text) : RunEvent;

/// <summary>A stage that is to come.</summary>
/// <param name="Kind">Stages whose names begin with it cost alike for each unit of work.</param>
/// <param name="Work">Units of work; of another kind they are not the same.</param>
public sealed record PlannedStage(string Kind, double Work);

/// <summary>The stages of a run from here on, in their order; what was planned before is void.</summary>
/// <param name="Stages">Stages.</param>
public sealed record RunPlanned(IReadOnlyList<PlannedStage> Stages) : RunEvent;

/// <summary>A run made of runs goes on to the next: a reproduction.</summary>
/// <param name="Done">Runs that are over.</param>
/// <param name="Total">Runs in all.</param>
/// <param name="Found">Those of <paramref name="Done"/> that were made before: they say nothing about the time of the rest.</param>
public sealed record RunPart(int Done, int Total, int Found = 0) : RunEvent;

/// <summary>A stage begins: a pass over images, a number of steps.</summary>
/// <param name="Stage">Name of the stage, for example "train epoch 3/20".</param>
/// <param name="Total">Units of work in all.</param>
/// <param name="Unit">Name of the unit in the plural, for example "images".</param>
/// <param name="Done">Units done before, where a run goes on from a checkpoint.</param>
public sealed record StageStarted(string Stage, long Total, string Unit, long Done = 0) : RunEvent;

/// <summary>How far the stage is that began last.</summary>
/// <param name="Done">Units of work done.</param>
/// <param name="Metrics">Latest values by name; may be empty.</param>
public sealed record StageProgress(long Done, IReadOnlyList<(string Name, double Value)> Metrics) : RunEvent;

/// <summary>The stage that began last is over, finished or not.</summary>
public sealed record StageEnded : RunEvent;

/// <summary>A training or a forgetting run was cancelled and left a checkpoint.</summary>
/// <param name="Step">Steps made.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Resumed">True if it had begun from a checkpoint itself.</param>
public sealed record RunInterrupted(long Step, long Steps, bool Resumed) : RunEvent;

/// <summary>A training is over and has left its files; other runs make trainings on their way.</summary>
/// <param name="Result">What it came to.</param>
public sealed record TrainingFinished(TrainResult Result) : RunEvent;

/// <summary>A forgetting run is over and has left its files; a reproduction makes many.</summary>
/// <param name="Result">What it came to.</param>
public sealed record ForgettingFinished(ForgetResult Result) : RunEvent;

/// <summary>A run of a reproduction was verified, which changes its page.</summary>
/// <param name="Folder">Folder of the run.</param>
/// <param name="Sentence">The verdict.</param>
public sealed record RunVerified(string Folder, string Sentence) : RunEvent;

/// <summary>A sampling run is over and has left its images.</summary>
/// <param name="Result">What it came to.</param>
public sealed record SamplingFinished(SampleResult Result) : RunEvent;
