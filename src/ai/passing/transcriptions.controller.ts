import { Controller, HttpCode, Post, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { untilGone } from '../../http/until-gone.js';
import { callerOf } from '../../http/caller.js';
import { Policy } from '../../http/policy.js';
import { Says } from '../../http/says.js';
import { readUpload, saidLength, uploadTypeOf } from '../../http/uploads.js';
import { tellBudget } from '../replies.js';
import { passingWords } from './passing.words.js';
import { MOST_FORM_BYTES } from './form.js';
import { Transcriptions } from './transcriptions.service.js';
import { TellsBudget } from '../budget-telling.service.js';

@UseInterceptors(TellsBudget)
@Controller('v1/audio')
export class TranscriptionsController {
  constructor(private readonly transcriptions: Transcriptions) {}

  @Policy({ access: 'signed-in', pace: 'costly', scope: 'ai', uploads: true })
  @Says(passingWords.hear)
  @HttpCode(200)
  @Post('transcriptions')
  async hear(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const coming = {
      ...{ userId: callerOf(request).id, type: uploadTypeOf(request), bytes: saidLength(request, MOST_FORM_BYTES) },
      read: (came: (bytes: number) => void) => readUpload(request, MOST_FORM_BYTES, came),
    };
    const { answer, standing } = await this.transcriptions.hear(coming, untilGone(reply));
    tellBudget(reply, standing);
    void reply.type(`${answer.type}; charset=utf-8`);
    return answer.body;
  }
}
