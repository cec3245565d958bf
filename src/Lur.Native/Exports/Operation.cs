namespace Lur.Native.Exports;

/// <summary>What the front asks for; the order is that of <c>enum operation</c> in front/front.h.</summary>
internal enum Operation
{
    Start,
    Doctor,
    Open,
    Close,
    Wait,
    DeviceInfo,
    Precompile,
    PlanStep,
    StepCreate,
    StepDestroy,
    StepLookAhead,
    StepPerturb,
    StepDifference,
    StepUpdate,
    StepGradient,
    StepRate,
    StepSkipFlag,
    StepTelemetry,
    StepRead,
    MethodsJson,
    JobCreate,
    JobDestroy,
    JobPlan,
    JobRun,
    JobResult,
}
